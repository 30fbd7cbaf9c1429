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

/// <summary>The planes of some examples, a fixed step apart.</summary>
/// <param name="first">The first example's plane, or none.</param>
/// <param name="step">Floats from an example's pixel (0, 0) to the next one's.</param>
/// <param name="count">How many.</param>
internal readonly unsafe struct ImageBatch(ImagePlane first, nint step, int count)
{
    public readonly ImagePlane First = first;
    public readonly nint Step = step;
    public readonly int Count = count;

    public bool IsNone => First.IsNone;

    public ImagePlane this[int example] => new(First.Origin + (example * Step), First.RowStride);

    /// <summary>So many examples from one on, or as many as there are.</summary>
    public ImageBatch From(int first, int count) => new(this[first], Step, Math.Min(count, Count - first));

    /// <summary>One example, or none.</summary>
    public static implicit operator ImageBatch(ImagePlane plane) => new(plane, 0, 1);

    /// <summary>All pixels, each of so many channels.</summary>
    public PixelGrid Pixels(int channels) => new(First.Origin, First.RowStride, channels, Step);
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
