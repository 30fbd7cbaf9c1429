namespace Kfac.Memory;

/// <summary>
/// Where an example is in maps that are needed only while a worker takes a few examples through a run of layers: in one of
/// the worker's own places, the same ones over and over, which stay in its core's cache. Of a batch of fewer examples, each has
/// a place of its own.
/// </summary>
internal sealed class WorkerSlots(int capacity, int workers, int together)
{
    private readonly int[] _places = new int[capacity];

    /// <summary>Examples that a worker takes together.</summary>
    public int Together => together;

    /// <summary>How many there are.</summary>
    public int Count => Math.Min(workers * together, capacity);

    /// <summary>The example's place while its worker is at it.</summary>
    public int this[int example] => _places[example];

    /// <summary>Gives the examples of <paramref name="range"/>, which are no more than together, places of <paramref name="worker"/>.</summary>
    public void Assign(ExampleRange range, int worker)
    {
        for (int n = range.First; n < range.End; n++)
        {
            _places[n] = Count == capacity ? n : worker * together + n - range.First;
        }
    }
}
