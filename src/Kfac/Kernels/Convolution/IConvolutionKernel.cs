namespace Kfac.Kernels;

/// <summary>
/// The three passes of one convolution over some examples, each on the calling thread and without allocation:
/// forward, gradient with respect to the input, gradient with respect to the filter with its square.
/// An instance is immutable and shared by all workers; scratch belongs to a worker.
/// </summary>
internal unsafe interface IConvolutionKernel
{
    /// <summary>What the forward and the backward-filter pass read around x.</summary>
    Halo InputHalo { get; }

    /// <summary>What the backward-data pass reads around dy.</summary>
    Halo OutputGradientHalo { get; }

    /// <summary>Floats of a filter packed for <see cref="Forward"/>.</summary>
    int PackedForwardLength { get; }

    /// <summary>Floats of a filter packed for the backward-data pass.</summary>
    int PackedBackwardLength { get; }

    /// <summary>Floats of scratch each worker brings.</summary>
    int ScratchLength { get; }

    /// <summary>Examples of a call that cost least, a power of two: what the filter is read for once.</summary>
    int PreferredExamples { get; }

    /// <summary>What computes gradients without squares for a whole batch; null where slices of the batch are added up faster.</summary>
    IBatchFilterGradient? BatchGradient { get; }

    /// <summary>The same where squares are wanted.</summary>
    IBatchFilterGradient? BatchSquares { get; }

    /// <summary>Whether its passes make use of a <see cref="Prefetcher"/>.</summary>
    bool SupportsPrefetch { get; }

    /// <summary>The kernel for <paramref name="geometry"/>: the tuned one where it applies.</summary>
    static IConvolutionKernel For(ConvolutionGeometry geometry) =>
        geometry is { Groups: 1, DilationY: 1, DilationX: 1 } ? new ConvolutionKernel(geometry) : new GeneralConvolutionKernel(geometry);

    /// <param name="filter">[R, S, C / Groups, K]</param>
    /// <param name="packed">[PackedForwardLength], overwritten</param>
    void PackForward(float* filter, float* packed);

    /// <param name="filter">[R, S, C / Groups, K]</param>
    /// <param name="packed">[PackedBackwardLength], overwritten</param>
    void PackBackward(float* filter, float* packed);

    /// <summary>y = corr(x, filter) + bias, or max(0, that) with <paramref name="relu"/>.</summary>
    /// <remarks>An example's bits do not depend on the others of the call.</remarks>
    /// <param name="x">[H, W, C] of each example, with <see cref="InputHalo"/></param>
    /// <param name="packed">from <see cref="PackForward"/></param>
    /// <param name="bias">[K], or null for none</param>
    /// <param name="relu">Whether negative sums become 0.</param>
    /// <param name="y">[OutH, OutW, K] of each example, interior overwritten</param>
    /// <param name="scratch">[ScratchLength]</param>
    /// <param name="ahead">What comes next, or null.</param>
    void Forward(ImageBatch x, float* packed, float* bias, bool relu, ImageBatch y, float* scratch, Prefetcher? ahead = null);

    /// <summary>dx = the gradient of sum(y * dy) with respect to x; 0 where <paramref name="gate"/> is given and not positive.</summary>
    /// <remarks>An example's bits do not depend on the others of the call.</remarks>
    /// <param name="dy">[OutH, OutW, K] of each example, with <see cref="OutputGradientHalo"/></param>
    /// <param name="packed">from <see cref="PackBackward"/></param>
    /// <param name="dx">[H, W, C] of each example, interior overwritten</param>
    /// <param name="gate">[H, W, C] of each example, or default: where x came out of a ReLU, x itself, and dx has passed back through it.</param>
    /// <param name="scratch">[ScratchLength]</param>
    /// <param name="ahead">What comes next, or null.</param>
    void BackwardData(ImageBatch dy, float* packed, ImageBatch dx, ImageBatch gate, float* scratch, Prefetcher? ahead = null);

    /// <summary>
    /// For each example, T[p, k] = sum over locations of patch[location, p] * dy[location, k], then
    /// gradient += T and squares += T * T; the same for the bias with patch = 1.
    /// First summed over the locations, then squared. Several examples in one call save passes over the sums where the filter is
    /// large and the image small. With squares they give the same bits as one call each; without, their products may be added up
    /// before the sums are met.
    /// </summary>
    /// <param name="x">[H, W, C] of each example, with <see cref="InputHalo"/></param>
    /// <param name="dy">[OutH, OutW, K] of each example; its halo is not read</param>
    /// <param name="sums">Added to.</param>
    /// <param name="scratch">[ScratchLength]</param>
    /// <param name="ahead">What comes next, or null.</param>
    void BackwardFilter(ImageBatch x, ImageBatch dy, FilterGradientTarget sums, float* scratch, Prefetcher? ahead = null);
}
