namespace Kfac.Models;

/// <summary>One view of an image.</summary>
/// <param name="IsMirrored">Whether it is mirrored left to right.</param>
/// <param name="Shift">Rows and columns that it is moved by, down and to the right; what comes in repeats the border.</param>
/// <param name="Weight">What its class scores weigh.</param>
internal readonly record struct ImageView(bool IsMirrored, int Shift, float Weight)
{
    /// <summary>view[i, j, c] = image[i - Shift, j' - Shift, c], with j' = W - 1 - j where it is mirrored.</summary>
    /// <param name="image">[H, W, C].</param>
    /// <param name="shape">H, W and C.</param>
    /// <param name="view">[H, W, C], overwritten.</param>
    public void Write(ReadOnlySpan<float> image, ImageShape shape, Span<float> view)
    {
        (int height, int width, int channels) = shape;
        for (int i = 0; i < height; i++)
        {
            for (int j = 0; j < width; j++)
            {
                int row = Math.Clamp(i - Shift, 0, height - 1), column = Math.Clamp((IsMirrored ? width - 1 - j : j) - Shift, 0, width - 1);
                image.Slice((row * width + column) * channels, channels).CopyTo(view[((i * width + j) * channels)..]);
            }
        }
    }
}
