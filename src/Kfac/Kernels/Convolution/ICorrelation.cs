namespace Kfac.Kernels;

/// <summary>Pixels of some examples' maps in memory: pixel (i, j) of example n begins at Origin + n * Example + i * Row + j * Pixel.</summary>
internal readonly unsafe struct PixelGrid(float* origin, nint row, nint pixel, nint example = 0)
{
    public readonly float* Origin = origin;
    public readonly nint Row = row;
    public readonly nint Pixel = pixel;
    public readonly nint Example = example;

    public bool IsNone => Origin == null;

    /// <summary>The same from pixel (i, j) on. No grid stays none.</summary>
    public PixelGrid At(int i, int j) => IsNone ? this : new(Origin + (i * Row) + (j * Pixel), Row, Pixel, Example);

    /// <summary>The same from example <paramref name="n"/> and channel <paramref name="channel"/> on. No grid stays none.</summary>
    public PixelGrid From(int n, int channel = 0) => IsNone ? this : new(Origin + (n * Example) + channel, Row, Pixel, Example);
}

/// <summary>
/// y[i, j, k] = bias[k] + sum over taps and channels c of x[i, j][tap, c] * filter[tap, c, k], where a patch x[i, j] is
/// rows of contiguous pixels.
/// </summary>
internal unsafe interface ICorrelation
{
    /// <summary>Floats of a packed filter.</summary>
    int PackedLength { get; }

    /// <summary>Floats of scratch.</summary>
    int ScratchLength { get; }

    /// <summary>Rows of x read below the last patch.</summary>
    int OverhangRows { get; }

    /// <summary>Columns of x read to the right of the last patch.</summary>
    int OverhangColumns { get; }

    /// <summary>Packs filter[tap]; after all of them, <see cref="FinishPacking"/>.</summary>
    /// <param name="tap">Row-major index in the patch.</param>
    /// <param name="filter">Channels (0, 0) of the tap.</param>
    /// <param name="channelOut">Floats from a channel of y to the next.</param>
    /// <param name="channelIn">Floats from a channel of x to the next.</param>
    /// <param name="packed">[PackedLength]</param>
    void PackTap(int tap, float* filter, nint channelOut, nint channelIn, float* packed);

    /// <param name="packed">[PackedLength]</param>
    void FinishPacking(float* packed);

    /// <inheritdoc cref="IConvolutionKernel.PreferredExamples"/>
    int PreferredExamples { get; }

    /// <summary>Runs over some examples. The bits of one do not depend on the others.</summary>
    /// <param name="examples">How many.</param>
    /// <param name="x">The first float of the patch of each pixel of y.</param>
    /// <param name="group">Floats from a row of a patch to the next.</param>
    /// <param name="packed">[PackedLength]</param>
    /// <param name="bias">[channels], or null</param>
    /// <param name="floor">No y is smaller; not used with a gate.</param>
    /// <param name="y">Overwritten.</param>
    /// <param name="gate">Where given, y is 0 where it is not positive.</param>
    /// <param name="scratch">[ScratchLength]</param>
    /// <param name="ahead">What comes next, or null.</param>
    void Run(int examples, PixelGrid x, nint group, float* packed, float* bias, float floor, PixelGrid y, PixelGrid gate, float* scratch, Prefetcher? ahead);
}
