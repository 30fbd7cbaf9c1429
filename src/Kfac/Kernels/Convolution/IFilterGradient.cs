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
    /// <param name="x">[H, W, C] of each example, at its padding's first pixel</param>
    /// <param name="dy">[OutH, OutW, K] of each example</param>
    /// <param name="sums">Added to.</param>
    /// <param name="scratch">[ScratchLength]</param>
    /// <param name="ahead">What comes next, or null.</param>
    void Run(ImageBatch x, ImageBatch dy, FilterGradientTarget sums, float* scratch, Prefetcher? ahead);
}
