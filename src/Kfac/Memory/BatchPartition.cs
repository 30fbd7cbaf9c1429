using Kfac.Parallel;

namespace Kfac.Memory;

/// <summary>
/// How a batch is divided: into slices whose number depends on that of the examples alone, so that the order of additions, and
/// with it every bit of a sum over the examples, is the same for any number of workers and ranks; and the slices, in their
/// order, among the ranks.
/// </summary>
/// <param name="Examples">Examples of the batch, on all ranks together.</param>
/// <param name="Communicator">The ranks.</param>
internal readonly record struct BatchPartition(int Examples, Communicator Communicator)
{
    /// <summary>One slice for every eight examples, within bounds, or for every 64 where that makes more: batches so large have work for more ranks.</summary>
    private const int MinSlices = 8, MaxUsualSlices = 16, ExamplesOfLargeSlice = 64;

    public int SliceCount => SlicesOf(Examples);

    /// <summary>This rank's first slice.</summary>
    public int FirstSlice => FirstSliceOf(Communicator.Rank);

    /// <summary>The end of this rank's slices. There may be none where ranks are many, but never on rank 0.</summary>
    public int EndSlice => FirstSliceOf(Communicator.Rank + 1);

    /// <summary>This rank's examples.</summary>
    public ExampleRange Own => OwnOf(Communicator.Rank);

    /// <summary>The examples of <paramref name="rank"/>.</summary>
    public ExampleRange OwnOf(int rank) => new(SliceStart(FirstSliceOf(rank)), SliceStart(FirstSliceOf(rank + 1)));

    /// <summary>Where a slice begins, and the one before it ends.</summary>
    public int SliceStart(int slice) => (int)((long)slice * Examples / SliceCount);

    /// <summary>Slices of a batch of so many examples: never fewer of a larger one.</summary>
    public static int SlicesOf(int examples) =>
        Math.Min(Math.Max(Math.Clamp(examples / 8, MinSlices, MaxUsualSlices), examples / ExamplesOfLargeSlice), examples);

    /// <summary>Most slices that one of so many ranks has of a batch of at most <paramref name="capacity"/> examples.</summary>
    public static int MaxSlicesOfRank(int capacity, int ranks) => (SlicesOf(capacity) + ranks - 1) / ranks;

    private int FirstSliceOf(int rank) => (rank * SliceCount + Communicator.Size - 1) / Communicator.Size;
}
