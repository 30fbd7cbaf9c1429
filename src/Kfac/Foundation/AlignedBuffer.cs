namespace Kfac;

/// <summary>
/// <see cref="Length"/> floats, zero at first, that begin on a 64-byte boundary and never move, so that kernels may keep
/// a pointer. The memory is the garbage collector's: nothing to dispose. While a <see cref="MemoryMeter"/> counts, there is none.
/// </summary>
/// <remarks>
/// A build with <c>-p:GuardPages=true</c>, for tests on Linux, has pages on either side of it that end the process when they are read or
/// written.
/// </remarks>
internal sealed unsafe class AlignedBuffer
{
    private const int LaneFloats = 16;

    /// <summary>What the floats are in; null where there are none.</summary>
    private readonly object? _memory;

    /// <exception cref="OverflowException"><paramref name="length"/> is more than an array can hold.</exception>
    public AlignedBuffer(long length)
    {
        if (length > Array.MaxLength - 2 * LaneFloats)
        {
            throw new OverflowException($"{length} values are more than an array can hold");
        }

        if (MemoryMeter.Counts(length * sizeof(float)))
        {
            return;
        }

        Length = (int)length;
#if GUARD_PAGES
        var memory = new GuardedMemory(sizeof(float) * ((long)RoundUp(Length) + LaneFloats));
        nint aligned = memory.Pointer;
#else
        float[] memory = GC.AllocateArray<float>(Length + 2 * LaneFloats, pinned: true);
        nint aligned = ((nint)System.Runtime.CompilerServices.Unsafe.AsPointer(ref memory[0]) + 63) & ~(nint)63;
#endif
        _memory = memory;
        Pointer = (float*)aligned;
    }

    /// <summary>The first float; another 16 readable zeros follow the last one.</summary>
    public float* Pointer { get; }

    public int Length { get; }

    public Span<float> Span => new(Pointer, Length);

    /// <summary>The length rounded up so that whatever follows it begins on a 64-byte boundary again.</summary>
    public static int RoundUp(int length) => (length + LaneFloats - 1) / LaneFloats * LaneFloats;
}
