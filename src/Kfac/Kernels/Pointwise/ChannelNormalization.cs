using System.Numerics.Tensors;

namespace Kfac.Kernels;

/// <summary>
/// Sums by channel over one example's map [H, W, C], and affine maps of it by channel, a row of W·C floats at a stretch.
/// A "row" argument has one value for each channel, repeated for each of the W pixels (<see cref="Repeat"/>).
/// </summary>
internal sealed unsafe class ChannelNormalization(int height, int width, int channels)
{
    /// <summary>Floats of a row, W·C.</summary>
    public int RowLength => width * channels;

    /// <summary>Rows of scratch that a call needs.</summary>
    public const int ScratchRows = 3;

    /// <summary>
    /// Whether values of this variance count as all the same: no gradient goes through them. By the formula it would be
    /// multiplied by up to 1 / √ε at each normalisation, and overflow after some, for values that are rounding at most.
    /// </summary>
    public static bool IsConstant(double variance, double epsilon) => variance <= 1e-6 * epsilon;

    /// <summary>row[j, c] = values[c] for each pixel j</summary>
    public void Repeat(ReadOnlySpan<double> values, Span<float> row)
    {
        for (int c = 0; c < channels; c++)
            row[c] = (float)values[c];
        for (int filled = channels; filled < RowLength; filled *= 2)
            row[..Math.Min(filled, RowLength - filled)].CopyTo(row[filled..]);
    }

    /// <summary>mean[c] = (1/HW) sum of x, deviations[c] = sum of (x - mean[c])²</summary>
    /// <param name="x">[H, W, C]</param>
    /// <param name="mean">[C], overwritten</param>
    /// <param name="deviations">[C], overwritten</param>
    /// <param name="scratch">[ScratchRows · RowLength]</param>
    public void Moments(ImagePlane x, Span<double> mean, Span<double> deviations, Span<float> scratch)
    {
        Span<float> sum = scratch[..RowLength], center = scratch.Slice(RowLength, RowLength), difference = scratch.Slice(2 * RowLength, RowLength);
        sum.Clear();
        for (int i = 0; i < height; i++)
            TensorPrimitives.Add(sum, Row(x, i), sum);
        SumPixels(sum, mean);
        TensorPrimitives.Divide(mean, (double)height * width, mean);
        Repeat(mean, center);
        sum.Clear();
        for (int i = 0; i < height; i++)
        {
            TensorPrimitives.Subtract(Row(x, i), center, difference);
            TensorPrimitives.MultiplyAdd(difference, difference, sum, sum);
        }
        SumPixels(sum, deviations);
    }

    /// <summary>y = (x - mean) · scale + shift</summary>
    /// <param name="x">[H, W, C]</param>
    /// <param name="y">[H, W, C], overwritten; may be x</param>
    /// <param name="mean">row</param>
    /// <param name="scale">row</param>
    /// <param name="shift">row</param>
    /// <param name="relu">Whether negative y become 0.</param>
    public void Forward(ImagePlane x, ImagePlane y, ReadOnlySpan<float> mean, ReadOnlySpan<float> scale, ReadOnlySpan<float> shift, bool relu)
    {
        for (int i = 0; i < height; i++)
        {
            Span<float> row = Row(y, i);
            TensorPrimitives.Subtract(Row(x, i), mean, row);
            TensorPrimitives.MultiplyAdd(row, scale, shift, row);
            if (relu)
                ReluKernel.Forward(row);
        }
    }

    /// <summary>sums[c] = sum of dy, products[c] = sum of dy · (x - mean)</summary>
    /// <param name="x">[H, W, C]</param>
    /// <param name="dy">[H, W, C]</param>
    /// <param name="mean">row</param>
    /// <param name="sums">[C], overwritten</param>
    /// <param name="products">[C], overwritten</param>
    /// <param name="scratch">[ScratchRows · RowLength]</param>
    public void GradientSums(ImagePlane x, ImagePlane dy, ReadOnlySpan<float> mean, Span<double> sums, Span<double> products, Span<float> scratch)
    {
        Span<float> sum = scratch[..RowLength], product = scratch.Slice(RowLength, RowLength), difference = scratch.Slice(2 * RowLength, RowLength);
        sum.Clear();
        product.Clear();
        for (int i = 0; i < height; i++)
        {
            Span<float> gradient = Row(dy, i);
            TensorPrimitives.Add(sum, gradient, sum);
            TensorPrimitives.Subtract(Row(x, i), mean, difference);
            TensorPrimitives.MultiplyAdd(difference, gradient, product, product);
        }
        SumPixels(sum, sums);
        SumPixels(product, products);
    }

    /// <summary>dx = dy · scale + (x - mean) · slope + offset</summary>
    /// <param name="x">[H, W, C]</param>
    /// <param name="dy">[H, W, C]</param>
    /// <param name="dx">[H, W, C], overwritten</param>
    /// <param name="mean">row</param>
    /// <param name="scale">row</param>
    /// <param name="slope">row</param>
    /// <param name="offset">row</param>
    public void Backward(ImagePlane x, ImagePlane dy, ImagePlane dx, ReadOnlySpan<float> mean, ReadOnlySpan<float> scale, ReadOnlySpan<float> slope, ReadOnlySpan<float> offset)
    {
        for (int i = 0; i < height; i++)
        {
            Span<float> row = Row(dx, i);
            TensorPrimitives.Subtract(Row(x, i), mean, row);
            TensorPrimitives.MultiplyAdd(row, slope, offset, row);
            TensorPrimitives.MultiplyAdd(Row(dy, i), scale, row, row);
        }
    }

    private Span<float> Row(ImagePlane plane, int row) => new(plane.Origin + (row * plane.RowStride), RowLength);

    private void SumPixels(ReadOnlySpan<float> row, Span<double> sums)
    {
        sums[..channels].Clear();
        for (int j = 0; j < RowLength; j += channels)
            for (int c = 0; c < channels; c++)
                sums[c] += row[j + c];
    }
}
