using System.Runtime.Intrinsics.X86;

namespace Kfac.Kernels;

/// <summary>
/// Asks for a stretch of memory to come to the second-level cache, a little each time, while something else keeps the core
/// busy. Does nothing to the result, and nothing at all where the processor has no such instruction.
/// </summary>
internal unsafe struct Prefetch
{
    private const int Line = 16;

    private readonly float* _end;
    private readonly nint _step;
    private float* _next;

    /// <param name="from">Where the memory begins.</param>
    /// <param name="length">Floats.</param>
    /// <param name="times">How often <see cref="Next"/> will be called.</param>
    public Prefetch(float* from, nint length, int times)
    {
        _next = from;
        _end = Sse.IsSupported && from != null ? from + length : from;
        _step = ((length / times / Line) + 1) * Line;
    }

    public void Next()
    {
        for (float* stop = _next + _step; _next < stop && _next < _end; _next += Line)
            Sse.Prefetch1(_next);
    }
}
