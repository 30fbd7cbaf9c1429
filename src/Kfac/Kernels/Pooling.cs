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
}

/// <summary>Maximum pooling of one example.</summary>
internal static unsafe class Pooling
{
    /// <summary>y[i, j, c] = max of x over window (i, j).</summary>
    /// <param name="g">The shape.</param>
    /// <param name="x">[H, W, C]; its halo is not read</param>
    /// <param name="y">[OutH, OutW, C], interior overwritten</param>
    /// <param name="isa">Forces an instruction set.</param>
    public static void MaxForward(PoolingGeometry g, ImagePlane x, ImagePlane y, InstructionSet? isa = null)
    {
        for (int i = 0; i < g.OutH; i++)
            for (int j = 0; j < g.OutW; j++)
                for (int c = 0; c < g.C; c++)
                {
                    float best = float.NegativeInfinity;
                    for (int r = Math.Max((i * g.StrideY) - g.PadTop, 0); r < Math.Min((i * g.StrideY) - g.PadTop + g.R, g.H); r++)
                        for (int s = Math.Max((j * g.StrideX) - g.PadLeft, 0); s < Math.Min((j * g.StrideX) - g.PadLeft + g.S, g.W); s++)
                            best = Math.Max(best, x.Origin[(r * x.RowStride) + (s * g.C) + c]);
                    y.Origin[(i * y.RowStride) + (j * g.C) + c] = best;
                }
    }

    /// <summary>
    /// dx = the gradient of sum(y * dy) with respect to x: dy of a window goes to its first maximum in row-major order.
    /// With <paramref name="rectified"/>, x came out of a rectifier and dx has passed back through it: 0 where x is not positive.
    /// </summary>
    /// <param name="g">The shape.</param>
    /// <param name="x">[H, W, C]; its halo is not read</param>
    /// <param name="y">[OutH, OutW, C], from <see cref="MaxForward"/></param>
    /// <param name="dy">[OutH, OutW, C]; its halo is not read</param>
    /// <param name="dx">[H, W, C], interior overwritten</param>
    /// <param name="rectified">Whether x came out of a rectifier.</param>
    /// <param name="isa">Forces an instruction set.</param>
    public static void MaxBackward(PoolingGeometry g, ImagePlane x, ImagePlane y, ImagePlane dy, ImagePlane dx,
        bool rectified = false, InstructionSet? isa = null)
    {
        for (int i = 0; i < g.H; i++)
            new Span<float>(dx.Origin + (i * dx.RowStride), g.W * g.C).Clear();
        for (int i = 0; i < g.OutH; i++)
            for (int j = 0; j < g.OutW; j++)
                for (int c = 0; c < g.C; c++)
                    Route(g, x, dx, i, j, c, y.Origin[(i * y.RowStride) + (j * g.C) + c], dy.Origin[(i * dy.RowStride) + (j * g.C) + c], rectified);
    }

    private static void Route(PoolingGeometry g, ImagePlane x, ImagePlane dx, int i, int j, int c, float best, float gradient, bool rectified)
    {
        for (int r = Math.Max((i * g.StrideY) - g.PadTop, 0); r < Math.Min((i * g.StrideY) - g.PadTop + g.R, g.H); r++)
            for (int s = Math.Max((j * g.StrideX) - g.PadLeft, 0); s < Math.Min((j * g.StrideX) - g.PadLeft + g.S, g.W); s++)
                if (x.Origin[(r * x.RowStride) + (s * g.C) + c] == best)
                {
                    if (!rectified || best > 0f)
                        dx.Origin[(r * dx.RowStride) + (s * g.C) + c] += gradient;
                    return;
                }
    }
}
