namespace Kfac.Memory;

/// <summary>
/// Where an example is in maps that are needed only while a worker takes a few examples through a run of layers: in one of
/// the worker's own slots, the same ones over and over, which stay in its core's cache. Of a batch of fewer examples, each has
/// a slot of its own.
/// </summary>
internal sealed class WorkerSlots(int capacity, int workers, int chunkSize)
{
    private readonly int[] _slots = new int[capacity];

    /// <summary>Examples that a worker takes together.</summary>
    public int ChunkSize => chunkSize;

    /// <summary>How many there are.</summary>
    public int Count => Math.Min(workers * chunkSize, capacity);

    /// <summary>The example's slot while its worker is at it.</summary>
    public int this[int example] => _slots[example];

    /// <summary>Gives the examples of <paramref name="range"/>, at most <see cref="ChunkSize"/>, slots of <paramref name="worker"/>.</summary>
    public void Assign(ExampleRange range, int worker)
    {
        for (int n = range.First; n < range.End; n++)
        {
            _slots[n] = Count == capacity ? n : worker * chunkSize + n - range.First;
        }
    }
}
