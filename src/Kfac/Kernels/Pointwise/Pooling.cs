using System.Diagnostics;
using System.Numerics.Tensors;

namespace Kfac.Kernels;

/// <summary>Pooling windows R x S at strides over an image [H, W, C]; pixels of the padding are left out of a window.</summary>
internal sealed record PoolingGeometry(
    int H, int W, int C, int R, int S,
    int StrideY, int StrideX, int PadTop, int PadLeft, int PadBottom, int PadRight)
{
    /// <summary>Rows of the output.</summary>
    public int OutH => ((H + PadTop + PadBottom - R) / StrideY) + 1;

    /// <summary>Columns of the output.</summary>
    public int OutW => ((W + PadLeft + PadRight - S) / StrideX) + 1;

    /// <summary>Whether every pixel is in one window.</summary>
    public bool CoversOnce => R == StrideY && S == StrideX && OutH * R == H + PadTop + PadBottom && OutW * S == W + PadLeft + PadRight;

    /// <summary>The pixels of window (i, j).</summary>
    public PoolingWindow Window(int i, int j)
    {
        int top = (i * StrideY) - PadTop, left = (j * StrideX) - PadLeft;
        (int firstRow, int firstColumn) = (Math.Max(top, 0), Math.Max(left, 0));
        return new(firstRow, firstColumn, Math.Min(top + R, H) - firstRow, Math.Min(left + S, W) - firstColumn);
    }
}

/// <summary>A rectangle of pixels, inside the image.</summary>
internal readonly record struct PoolingWindow(int Top, int Left, int Rows, int Columns);

/// <summary>Maximum and average pooling of one example.</summary>
internal static unsafe class Pooling
{
    /// <summary>y[i, j, c] = max of x over window (i, j).</summary>
    /// <param name="g">The shape; no window lies in the padding altogether.</param>
    /// <param name="x">[H, W, C]; its halo is not read</param>
    /// <param name="y">[OutH, OutW, C], interior overwritten</param>
    /// <param name="winners">[OutH, OutW, C], interior overwritten with what <see cref="MaxBackward"/> needs to know, or none</param>
    /// <param name="rectified">Whether x came out of a ReLU, through which the gradient is to pass back.</param>
    /// <param name="isa">Forces an instruction set.</param>
    public static void MaxForward(
        PoolingGeometry g, ImagePlane x, ImagePlane y, ImagePlane winners = default, bool rectified = false, InstructionSet? isa = null)
    {
        Debug.Assert(Math.Max(g.PadTop, g.PadBottom) < g.R && Math.Max(g.PadLeft, g.PadRight) < g.S);
        LaneKernels.For(isa ?? InstructionSets.Current).MaxForward(g, x, y, winners, rectified);
    }

    /// <summary>
    /// dx = the gradient of sum(y * dy) with respect to x: dy of a window goes to its first maximum in row-major order.
    /// Where x came out of a ReLU, dx has passed back through it: 0 where x is not positive.
    /// </summary>
    /// <param name="g">The shape.</param>
    /// <param name="winners">[OutH, OutW, C], from <see cref="MaxForward"/></param>
    /// <param name="dy">[OutH, OutW, C]; its halo is not read</param>
    /// <param name="dx">[H, W, C], interior overwritten</param>
    /// <param name="isa">Forces an instruction set.</param>
    public static void MaxBackward(PoolingGeometry g, ImagePlane winners, ImagePlane dy, ImagePlane dx, InstructionSet? isa = null) =>
        LaneKernels.For(isa ?? InstructionSets.Current).MaxBackward(g, winners, dy, dx);

    /// <summary>y[i, j, c] = mean of x over window (i, j)</summary>
    /// <param name="g">The shape; no window lies in the padding altogether.</param>
    /// <param name="x">[H, W, C]; its halo is not read</param>
    /// <param name="y">[OutH, OutW, C], interior overwritten</param>
    public static void AverageForward(PoolingGeometry g, ImagePlane x, ImagePlane y)
    {
        for (int i = 0; i < g.OutH; i++)
            for (int j = 0; j < g.OutW; j++)
            {
                PoolingWindow window = g.Window(i, j);
                Span<float> mean = Pixel(y, i, j, g.C);
                mean.Clear();
                for (int r = window.Top; r < window.Top + window.Rows; r++)
                    for (int s = window.Left; s < window.Left + window.Columns; s++)
                        TensorPrimitives.Add(mean, Pixel(x, r, s, g.C), mean);
                TensorPrimitives.Multiply(mean, 1f / (window.Rows * window.Columns), mean);
            }
    }

    /// <summary>dx = the gradient of sum(y * dy) with respect to x: each pixel of a window has its share of dy.</summary>
    /// <param name="g">The shape.</param>
    /// <param name="dy">[OutH, OutW, C]; its halo is not read</param>
    /// <param name="dx">[H, W, C], interior overwritten</param>
    public static void AverageBackward(PoolingGeometry g, ImagePlane dy, ImagePlane dx)
    {
        for (int i = 0; i < g.H; i++)
            new Span<float>(dx.Origin + (i * dx.RowStride), g.W * g.C).Clear();
        for (int i = 0; i < g.OutH; i++)
            for (int j = 0; j < g.OutW; j++)
            {
                PoolingWindow window = g.Window(i, j);
                for (int r = window.Top; r < window.Top + window.Rows; r++)
                    for (int s = window.Left; s < window.Left + window.Columns; s++)
                    {
                        Span<float> sum = Pixel(dx, r, s, g.C);
                        TensorPrimitives.MultiplyAdd(Pixel(dy, i, j, g.C), 1f / (window.Rows * window.Columns), sum, sum);
                    }
            }
    }

    private static Span<float> Pixel(ImagePlane plane, int row, int column, int channels) =>
        new(plane.Origin + (row * plane.RowStride) + ((nint)column * channels), channels);
}
