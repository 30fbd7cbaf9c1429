namespace Kfac.Networks;

/// <summary>Where the windows of a convolution or pooling lie on an image: zeros added on each side and the number of windows.</summary>
internal readonly record struct Window(int PadTop, int PadLeft, int PadBottom, int PadRight, int OutputHeight, int OutputWidth)
{
    /// <summary>Largest side of a window (with its dilation) and largest stride, where the image is no larger itself: an end to what a description can claim.</summary>
    private const int MaxSide = 1024;

    /// <exception cref="ArgumentException">A size is not within its bounds, or the window does not fit into the image.</exception>
    public static Window Infer(
        ImageShape input, int height, int width, int strideY, int strideX, Padding padding, int dilationY = 1, int dilationX = 1)
    {
        (int rowLimit, int columnLimit) = (Math.Max(MaxSide, input.Height), Math.Max(MaxSide, input.Width));
        if (!IsWithin(rowLimit, height, strideY, dilationY) || !IsWithin(columnLimit, width, strideX, dilationX))
        {
            throw new ArgumentException($"window and stride must be 1 to {rowLimit} by 1 to {columnLimit}, but the window is {height}x{width} with stride {strideY}x{strideX}{Dilation()}");
        }

        (int top, int bottom, int rows) = Axis(input.Height, (height - 1) * dilationY, strideY, padding);
        (int left, int right, int columns) = Axis(input.Width, (width - 1) * dilationX, strideX, padding);
        return rows < 1 || columns < 1
            ? throw new ArgumentException($"a {height}x{width} window{Dilation()} does not fit into an input of {input}")
            : new Window(top, left, bottom, right, rows, columns);

        string Dilation() => dilationY == 1 && dilationX == 1 ? "" : $" and dilation {dilationY}x{dilationX}";
    }

    private static bool IsWithin(int limit, int window, int stride, int dilation) =>
        window >= 1 && stride >= 1 && stride <= limit && dilation >= 1 && (window - 1L) * dilation < limit;

    /// <param name="size">Pixels of the image.</param>
    /// <param name="reach">From a window's first pixel to its last.</param>
    /// <param name="stride">From a window to the next.</param>
    /// <param name="padding">What happens at the border.</param>
    private static (int Before, int After, int Count) Axis(int size, int reach, int stride, Padding padding)
    {
        switch (padding)
        {
            case Padding.Same:
                int count = (size + stride - 1) / stride;
                int total = Math.Max(0, (count - 1) * stride + reach + 1 - size);
                return (total / 2, total - total / 2, count);
            case Padding.Symmetric:
                return (reach / 2, reach / 2, Windows(size + reach / 2 * 2));
            case Padding.Valid:
                return (0, 0, Windows(size));
            default:
                throw new ArgumentException($"padding must be one of {string.Join(", ", Enum.GetNames<Padding>())}, but is {padding}");
        }

        int Windows(int padded) => padded <= reach ? 0 : (padded - 1 - reach) / stride + 1;
    }
}
