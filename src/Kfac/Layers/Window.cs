namespace Kfac.Layers;

/// <summary>Where the windows of a convolution or pooling lie on an image: zeros added on each side and the number of windows.</summary>
internal readonly record struct Window(int PadTop, int PadLeft, int PadBottom, int PadRight, int OutputHeight, int OutputWidth)
{
    /// <summary>Largest side of a window and largest stride, where the image is no larger itself: an end to what a description can claim.</summary>
    private const int Most = 1024;

    /// <exception cref="ArgumentException">A size is not within its bounds, or the window does not fit into the image.</exception>
    public static Window Infer(ImageShape input, int height, int width, int strideY, int strideX, Padding padding)
    {
        (int rowLimit, int columnLimit) = (Math.Max(Most, input.Height), Math.Max(Most, input.Width));
        if (height < 1 || height > rowLimit || width < 1 || width > columnLimit || strideY < 1 || strideY > rowLimit || strideX < 1 || strideX > columnLimit)
        {
            throw new ArgumentException($"window and stride must be 1 to {rowLimit} by 1 to {columnLimit}, but the window is {height}x{width} with stride {strideY}x{strideX}");
        }

        (int top, int bottom, int rows) = Axis(input.Height, height, strideY, padding);
        (int left, int right, int columns) = Axis(input.Width, width, strideX, padding);
        return rows < 1 || columns < 1
            ? throw new ArgumentException($"a {height}x{width} window does not fit into an input of {input}")
            : new Window(top, left, bottom, right, rows, columns);
    }

    private static (int Before, int After, int Count) Axis(int size, int window, int stride, Padding padding)
    {
        if (padding == Padding.Valid)
        {
            return (0, 0, size < window ? 0 : (size - window) / stride + 1);
        }

        int count = (size + stride - 1) / stride;
        int total = Math.Max(0, (count - 1) * stride + window - size);
        return (total / 2, total - total / 2, count);
    }
}
