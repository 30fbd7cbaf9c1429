namespace Kfac.Kernels;

/// <summary>
/// The shape of one convolution, for one image. It is a cross-correlation with zero padding:
/// y[i, j, k] = sum over r, s, c of x[i * StrideY + r * DilationY - PadTop, j * StrideX + s * DilationX - PadLeft, c] * filter[r, s, c, k],
/// with x [H, W, C], filter [R, S, C, K] row-major (K fastest) and y [OutH, OutW, K].
/// With groups, channel k sees the C / Groups channels of its own group only, and the filter is [R, S, C / Groups, K].
/// </summary>
internal sealed record ConvolutionGeometry(
    int H, int W, int C, int K, int R, int S,
    int StrideY, int StrideX, int PadTop, int PadLeft, int PadBottom, int PadRight,
    int DilationY = 1, int DilationX = 1, int Groups = 1)
{
    /// <summary>Rows of the output.</summary>
    public int OutH => ((H + PadTop + PadBottom - ((R - 1) * DilationY) - 1) / StrideY) + 1;

    /// <summary>Columns of the output.</summary>
    public int OutW => ((W + PadLeft + PadRight - ((S - 1) * DilationX) - 1) / StrideX) + 1;

    /// <summary>R * S * C / Groups: the rows of the filter seen as a matrix [PatchLength, K].</summary>
    public int PatchLength => checked(R * S * (C / Groups));

    /// <summary>Whether each channel has a filter of its own and there are no others.</summary>
    public bool IsDepthwise => Groups == C && Groups == K;

    /// <summary>T: the number of output locations.</summary>
    public int Locations => OutH * OutW;

    /// <summary>The same images at the first pixel of their padding, where the first patch begins.</summary>
    public unsafe ImageBatch FirstPatch(ImageBatch x) =>
        new(new ImagePlane(x.First.Origin - (PadTop * x.First.RowStride) - (PadLeft * C), x.First.RowStride), x.Step, x.Count);

    /// <summary>Which rows of x the patches see, without dilation.</summary>
    public RowsRead RowsRead => new(-PadTop, StrideY, H);

    /// <summary>Multiply-adds of one pass over one image.</summary>
    public long MultiplyAdds => (long)Locations * PatchLength * K;
}

/// <summary>A frame of pixels around an image, that hold zeros.</summary>
internal readonly record struct Halo(int Top, int Left, int Bottom, int Right);
