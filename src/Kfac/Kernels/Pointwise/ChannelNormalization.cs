namespace Kfac.Kernels;

/// <summary>Sums by channel over one example's map [H, W, C], and affine maps of it by channel.</summary>
/// <param name="height">H.</param>
/// <param name="width">W.</param>
/// <param name="channels">C.</param>
/// <param name="isa">Forces an instruction set.</param>
internal sealed unsafe class ChannelNormalization(int height, int width, int channels, InstructionSet? isa = null)
{
    /// <summary>Floats of a map that are gone through for each vector of channels: a part of the first-level cache.</summary>
    private const int FloatsTogether = 4096;

    private readonly LaneKernels _lanes = LaneKernels.For(isa ?? InstructionSets.Current);
    private readonly int _rowsTogether = Math.Clamp(FloatsTogether / (width * channels), 1, height);

    /// <summary>Floats of scratch that a call needs.</summary>
    public int ScratchLength => 2 * channels;

    /// <summary>
    /// Whether values of this variance count as all the same: no gradient goes through them. By the formula it would be
    /// multiplied by up to 1 / √ε at each normalisation, and overflow after some, for values that are rounding at most.
    /// </summary>
    public static bool IsConstant(double variance, double epsilon) => variance <= 1e-6 * epsilon;

    /// <summary>The values as a kernel takes them.</summary>
    public static void Round(ReadOnlySpan<double> values, float* rounded)
    {
        for (int c = 0; c < values.Length; c++)
            rounded[c] = (float)values[c];
    }

    /// <summary>mean[c] = (1/HW) sum of x, deviations[c] = sum of (x - mean[c])²</summary>
    /// <param name="x">[H, W, C]</param>
    /// <param name="mean">[C], overwritten</param>
    /// <param name="deviations">[C], overwritten</param>
    /// <param name="scratch">[ScratchLength]</param>
    public void Moments(ImagePlane x, Span<double> mean, Span<double> deviations, float* scratch)
    {
        float* sums = scratch, center = scratch + channels;
        mean.Clear();
        for (int row = 0; row < height; row += _rowsTogether)
        {
            _lanes.SumPixels(From(x, row), Part(row).Rows, width, channels, sums);
            Add(sums, mean);
        }
        for (int c = 0; c < channels; c++)
            mean[c] /= (double)height * width;
        Round(mean, center);

        deviations.Clear();
        for (int row = 0; row < height; row += _rowsTogether)
        {
            _lanes.SumDeviations(Part(row), From(x, row), center, sums);
            Add(sums, deviations);
        }
    }

    /// <summary>y = (x - mean) · scale + shift</summary>
    /// <param name="x">[H, W, C]</param>
    /// <param name="y">[H, W, C], overwritten; may be x</param>
    /// <param name="mean">[C]</param>
    /// <param name="scale">[C]</param>
    /// <param name="shift">[C]</param>
    /// <param name="relu">Whether negative y become 0.</param>
    public void Forward(ImagePlane x, ImagePlane y, float* mean, float* scale, float* shift, bool relu)
    {
        for (int row = 0; row < height; row += _rowsTogether)
            _lanes.Normalize(Part(row), From(x, row), From(y, row), mean, scale, shift, relu);
    }

    /// <summary>sums[c] = sum of dy, products[c] = sum of dy · (x - mean)</summary>
    /// <param name="x">[H, W, C]</param>
    /// <param name="dy">[H, W, C]</param>
    /// <param name="mean">[C]</param>
    /// <param name="sums">[C], overwritten</param>
    /// <param name="products">[C], overwritten</param>
    /// <param name="scratch">[ScratchLength]</param>
    public void GradientSums(ImagePlane x, ImagePlane dy, float* mean, Span<double> sums, Span<double> products, float* scratch)
    {
        float* sum = scratch, product = scratch + channels;
        sums.Clear();
        products.Clear();
        for (int row = 0; row < height; row += _rowsTogether)
        {
            _lanes.SumProducts(Part(row), From(x, row), From(dy, row), mean, sum, product);
            Add(sum, sums);
            Add(product, products);
        }
    }

    /// <summary>dx = dy · scale + (x - mean) · slope + offset</summary>
    /// <param name="x">[H, W, C]</param>
    /// <param name="dy">[H, W, C]</param>
    /// <param name="dx">[H, W, C], overwritten</param>
    /// <param name="mean">[C]</param>
    /// <param name="scale">[C]</param>
    /// <param name="slope">[C]</param>
    /// <param name="offset">[C]</param>
    public void Backward(ImagePlane x, ImagePlane dy, ImagePlane dx, float* mean, float* scale, float* slope, float* offset)
    {
        for (int row = 0; row < height; row += _rowsTogether)
            _lanes.NormalizeBackward(Part(row), From(x, row), From(dy, row), From(dx, row), mean, scale, slope, offset);
    }

    private MapRows Part(int row) => new(Math.Min(_rowsTogether, height - row), width, channels);

    private static ImagePlane From(ImagePlane plane, int row) => new(plane.Origin + (row * plane.RowStride), plane.RowStride);

    private void Add(float* part, Span<double> sums)
    {
        for (int c = 0; c < channels; c++)
            sums[c] += part[c];
    }
}
