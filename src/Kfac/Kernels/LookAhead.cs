using System.Runtime.Intrinsics.X86;

namespace Kfac.Kernels;

/// <summary>
/// Memory that whoever runs the kernels will touch soon. Kernels with long products ask for it to come to the second-level
/// cache, a little each time, while the core is busy anyway. Does nothing to results, and nothing at all where the
/// processor has no such instruction. One for each worker.
/// </summary>
internal sealed unsafe class LookAhead
{
    /// <summary>Floats of a cache line.</summary>
    private const int Line = 16;

    /// <summary>Lines asked for at a time: some kilobytes during a slot's products, so that hardly any has to wait for the one before.</summary>
    internal const int LinesAtOnce = 64;

    private readonly Stretch[] _stretches;
    private int _first, _count;

    /// <param name="capacity">Most stretches there may be at a time.</param>
    public LookAhead(int capacity) => _stretches = new Stretch[capacity];

    /// <summary>Floats of the stretches that have not been asked for yet.</summary>
    public nint Remaining
    {
        get
        {
            nint floats = 0;
            for (int i = _first; i < _count; i++)
                floats += (nint)(_stretches[i].End - _stretches[i].Next);
            return floats;
        }
    }

    /// <summary>Forgets what has not been asked for yet.</summary>
    public void Clear() => (_first, _count) = (0, 0);

    /// <summary>Adds a stretch, to come after those already there.</summary>
    /// <param name="from">Where it begins.</param>
    /// <param name="length">Floats.</param>
    public void Add(float* from, nint length) => _stretches[_count++] = new Stretch { Next = from, End = from + length };

    /// <summary>Asks for the next few lines.</summary>
    public void Advance()
    {
        if (!Sse.IsSupported)
            return;
        for (int lines = LinesAtOnce; _first < _count; _first++)
        {
            ref Stretch stretch = ref _stretches[_first];
            for (; stretch.Next < stretch.End; stretch.Next += Line, lines--)
            {
                if (lines == 0)
                    return;
                Sse.Prefetch1(stretch.Next);
            }
        }
    }

    private struct Stretch
    {
        public float* Next, End;
    }
}
