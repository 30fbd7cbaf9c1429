namespace Kfac.Models;

/// <summary>Which views of an image a model averages the class scores of, besides the image itself (test-time augmentation).</summary>
/// <param name="Mirrored">The mirror image of each view, left to right.</param>
/// <param name="Shifted">The image moved up left and down right; the two together weigh as much as the image.</param>
internal readonly record struct AveragedViews(bool Mirrored, bool Shifted)
{
    /// <summary>Images move by this share of the shorter side, by one pixel at 32 x 32.</summary>
    private const float ShareOfSide = 1f / 32;

    /// <summary>The views of an image; their weights add up to 1.</summary>
    public IReadOnlyList<ImageView> Of(ImageShape shape)
    {
        int shift = Math.Max(1, (int)MathF.Round(ShareOfSide * Math.Min(shape.Height, shape.Width)));
        List<ImageView> views = Shifted ? [new(false, 0, 0.5f), new(false, -shift, 0.25f), new(false, shift, 0.25f)] : [new(false, 0, 1)];
        if (!Mirrored)
        {
            return views;
        }

        ImageView[] halves = [.. views.Select(view => view with { Weight = view.Weight / 2 })];
        return [.. halves, .. halves.Select(view => view with { IsMirrored = true })];
    }
}

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
