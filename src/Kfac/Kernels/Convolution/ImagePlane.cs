namespace Kfac.Kernels;

/// <summary>
/// One NHWC image of one example in memory: channel c of pixel (i, j) is Origin[i * RowStride + j * C + c].
/// The halo around the interior holds zeros and is readable; kernels write the interior only.
/// Loads are fastest where Origin is on a 64-byte boundary and RowStride a multiple of 16.
/// </summary>
/// <param name="origin">Pixel (0, 0), channel 0.</param>
/// <param name="rowStride">Floats from a row to the next, halo included.</param>
internal readonly unsafe struct ImagePlane(float* origin, nint rowStride)
{
    public readonly float* Origin = origin;
    public readonly nint RowStride = rowStride;

    /// <summary>No image: an argument that is not wanted.</summary>
    public bool IsNone => Origin == null;
}

/// <summary>
/// Destination sums of a backward-filter pass of <see cref="ConvolutionKernel"/>; a null pointer means "not wanted". The bias
/// has nothing where the filter has not.
/// </summary>
/// <param name="gradient">[R, S, C, K]: the sum over examples of T.</param>
/// <param name="squares">[R, S, C, K]: the sum over examples of T * T.</param>
/// <param name="biasGradient">[K]: the same for the bias.</param>
/// <param name="biasSquares">[K]: the same for the bias.</param>
internal readonly unsafe struct FilterGradientTarget(float* gradient, float* squares, float* biasGradient, float* biasSquares)
{
    public readonly float* Gradient = gradient;
    public readonly float* Squares = squares;
    public readonly float* BiasGradient = biasGradient;
    public readonly float* BiasSquares = biasSquares;
}
