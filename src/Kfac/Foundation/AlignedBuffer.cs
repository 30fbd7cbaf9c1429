#if !GUARD_PAGES
using System.Runtime.CompilerServices;
#endif

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

#if GUARD_PAGES
    private readonly GuardedMemory? _memory;
#else
    private readonly float[] _memory;
#endif

    /// <exception cref="OverflowException"><paramref name="length"/> is more than an array can hold.</exception>
    public AlignedBuffer(long length)
    {
        if (length > Array.MaxLength - 2 * LaneFloats)
        {
            throw new OverflowException($"{length} values are more than an array can hold");
        }

        if (MemoryMeter.Counts(length * sizeof(float)))
        {
#if !GUARD_PAGES
            _memory = [];
#endif
            return;
        }

        Length = (int)length;
#if GUARD_PAGES
        _memory = new GuardedMemory(sizeof(float) * ((long)RoundUp(Length) + LaneFloats));
        Pointer = (float*)_memory.Pointer;
#else
        _memory = GC.AllocateArray<float>((int)length + 2 * LaneFloats, pinned: true);
        nint address = (nint)Unsafe.AsPointer(ref _memory[0]);
        nint aligned = (address + 63) & ~(nint)63;
        Pointer = (float*)aligned;
#endif
    }

    /// <summary>The first float; another 16 readable zeros follow the last one.</summary>
    public float* Pointer { get; }

    public int Length { get; }

    public Span<float> Span => new(Pointer, Length);

    /// <summary>The length rounded up so that whatever follows it begins on a 64-byte boundary again.</summary>
    public static int RoundUp(int length) => (length + LaneFloats - 1) / LaneFloats * LaneFloats;
}
