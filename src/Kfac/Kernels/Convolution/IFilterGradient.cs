namespace Kfac.Kernels;

/// <summary>
/// For each example, T[p, k] = sum over locations of patch[location, p] * dy[location, k], then gradient += T and
/// squares += T * T; the same for the bias with patch = 1.
/// </summary>
internal unsafe interface IFilterGradient
{
    /// <summary>Floats of scratch.</summary>
    int ScratchLength { get; }

    /// <summary>Runs over some examples.</summary>
    /// <param name="x">[H, W, C] of the first example, at its padding's first pixel</param>
    /// <param name="xStep">Floats from an example to the next.</param>
    /// <param name="dy">[OutH, OutW, K] of the first example</param>
    /// <param name="dyStep">Floats from an example to the next.</param>
    /// <param name="examples">How many.</param>
    /// <param name="sums">Added to.</param>
    /// <param name="scratch">[ScratchLength]</param>
    /// <param name="ahead">What comes next, or null.</param>
    void Run(ImagePlane x, nint xStep, ImagePlane dy, nint dyStep, int examples, FilterGradientTarget sums, float* scratch, Prefetcher? ahead);
}
