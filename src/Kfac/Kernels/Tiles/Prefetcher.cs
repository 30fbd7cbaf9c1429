using System.Runtime.Intrinsics.X86;

namespace Kfac.Kernels;

/// <summary>
/// Memory that whoever runs the kernels will touch soon. Tuned convolutions have their micro-tiles ask for it to come to the
/// second-level cache, a little each time, while the core is busy anyway. Does nothing to results, and nothing at all
/// where the processor has no such instruction. One for each worker.
/// </summary>
internal sealed unsafe class Prefetcher
{
    /// <summary>Floats of a cache line.</summary>
    internal const int Line = 16;

    /// <summary>Terms of a tile for a line: so few lines at a time that hardly any has to wait for the one before.</summary>
    private const int TermsForLine = 2;

    private readonly Stretch[] _stretches;
    private int _first, _count;

    /// <param name="capacity">Most stretches there may be at a time.</param>
    public Prefetcher(int capacity) => _stretches = new Stretch[capacity];

    /// <summary>Floats of the stretches that have not been asked for yet.</summary>
    public nint Remaining
    {
        get
        {
            nint floats = 0;
            for (int i = _first; i < _count; i++)
                floats += Math.Max((nint)(_stretches[i].End - _stretches[i].Next), 0);
            return floats;
        }
    }

    /// <summary>Forgets what has not been asked for yet.</summary>
    public void Clear() => (_first, _count) = (0, 0);

    /// <summary>Adds a stretch, to come after those already there.</summary>
    /// <param name="from">Where it begins.</param>
    /// <param name="length">Floats.</param>
    public void Add(float* from, nint length) => _stretches[_count++] = new Stretch { Next = from, End = from + length };

    /// <summary>Has tiles ask for the next few lines.</summary>
    /// <param name="t">What they work on; <see cref="TileArguments.Ahead"/> is set.</param>
    /// <param name="groups">Groups of terms of all of them; may be none.</param>
    public void SpreadOver(ref TileArguments t, nint groups)
    {
        t.PrefetchedLines = 0;
        while (_first < _count && _stretches[_first].Next >= _stretches[_first].End)
            _first++;
        if (_first == _count || groups == 0)
            return;
        ref Stretch stretch = ref _stretches[_first];
        SpreadOver(ref t, groups, stretch.Next, (nint)(stretch.End - stretch.Next));
        stretch.Next += groups * t.PrefetchedLines * Line;
    }

    /// <summary>Has tiles ask for a stretch, or for as much of it as they have time for.</summary>
    /// <param name="t">What they work on; <see cref="TileArguments.Ahead"/> is set.</param>
    /// <param name="groups">Groups of terms of all of them; at least one.</param>
    /// <param name="from">Where the stretch begins.</param>
    /// <param name="length">Floats.</param>
    public static void SpreadOver(ref TileArguments t, nint groups, float* from, nint length)
    {
        nint lines = (length + Line - 1) / Line;
        t.Ahead = from;
        t.PrefetchedLines = Sse.IsSupported ? Math.Min(Math.Max(t.Length / TermsForLine, 1), (lines + groups - 1) / groups) : 0;
    }

    private struct Stretch
    {
        public float* Next, End;
    }
}
