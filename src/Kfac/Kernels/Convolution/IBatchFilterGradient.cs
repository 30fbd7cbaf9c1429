namespace Kfac.Kernels;

/// <summary>
/// mean[p, k] = (1/N) sum over the examples of a batch of T[p, k], or of T[p, k]², T being an example's filter gradient: all examples
/// at once, by several threads, where a filter is so large that sums of slices of the batch would cost more than the products.
/// </summary>
/// <remarks>
/// A call is a number of phases. The units of one may run in any order and on any thread, and all of them before the next
/// phase begins. Each sum belongs to one unit and has a fixed order: the bits do not depend on who runs which unit. The result has
/// parts, of which a call makes some: ranks share them out.
/// </remarks>
internal unsafe interface IBatchFilterGradient
{
    /// <summary>Floats of scratch that all threads share.</summary>
    int ScratchLength(int examples);

    /// <summary>Phases of a call.</summary>
    int Phases(int examples);

    /// <summary>Parts of the result.</summary>
    int Parts { get; }

    /// <summary>The part that the bias belongs to.</summary>
    int PartWithBias { get; }

    /// <summary>The result is as many blocks of equal length, of which each part has a piece.</summary>
    int Blocks { get; }

    /// <summary>Where the piece of <paramref name="part"/> begins in each block, in floats; of <see cref="Parts"/> the block's length.</summary>
    int StartOf(int part);

    /// <summary>The channels of x that <paramref name="parts"/> are made of; the others may hold anything.</summary>
    Range ChannelsOf(Range parts);

    /// <summary>Units of a phase, at most.</summary>
    int Units(int phase, int examples, Range parts);

    /// <summary>Runs one unit.</summary>
    /// <param name="phase">The phase.</param>
    /// <param name="unit">The unit.</param>
    /// <param name="parts">Which parts are wanted, counted from the start; at least one.</param>
    /// <param name="x">[H, W, C] of each example, with the kernel's halo; of the interior only the channels of <see cref="ChannelsOf"/> count</param>
    /// <param name="dy">[OutH, OutW, K] of each example; its halo is not read</param>
    /// <param name="means">Its wanted parts are overwritten when all phases have run.</param>
    /// <param name="scratch">[ScratchLength]</param>
    void Run(int phase, int unit, Range parts, ImageBatch x, ImageBatch dy, FilterGradientTarget means, float* scratch);
}
