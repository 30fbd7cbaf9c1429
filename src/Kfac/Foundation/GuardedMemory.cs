#if GUARD_PAGES
using System.Runtime.ConstrainedExecution;
using System.Runtime.InteropServices;

namespace Kfac;

/// <summary>Zeros that end where a page ends which nobody may touch; another such page lies before them.</summary>
internal sealed partial class GuardedMemory : CriticalFinalizerObject
{
    private const int None = 0, ReadAndWrite = 1 | 2, PrivateAndAnonymous = 2 | 32;

    private readonly nint _start;
    private readonly long _length;

    /// <param name="bytes">Length, a multiple of 64.</param>
    /// <exception cref="InsufficientMemoryException">The system gives no more.</exception>
    public GuardedMemory(long bytes)
    {
        long page = Environment.SystemPageSize, inside = (bytes + page - 1) / page * page;
        _length = inside + 2 * page;
        _start = Map(0, (nuint)_length, None, PrivateAndAnonymous, -1, 0);
        if (_start == -1 || Protect(_start + (nint)page, (nuint)inside, ReadAndWrite) != 0)
        {
            throw new InsufficientMemoryException($"{_length} bytes with guard pages were refused: error {Marshal.GetLastPInvokeError()}");
        }

        GC.AddMemoryPressure(_length);
        Pointer = _start + (nint)(page + inside - bytes);
    }

    ~GuardedMemory()
    {
        if (_start is not (0 or -1))
        {
            _ = Unmap(_start, (nuint)_length);
            GC.RemoveMemoryPressure(_length);
        }
    }

    /// <summary>The first byte, on a 64-byte boundary.</summary>
    public nint Pointer { get; }

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint Map(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    private static partial int Protect(nint address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(nint address, nuint length);
}
#endif
