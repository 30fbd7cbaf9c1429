namespace Kfac;

/// <summary>
/// Counts the bytes of every <see cref="AlignedBuffer"/> that a thread makes, and has them made empty: what a network takes is
/// known without taking it.
/// </summary>
internal static class MemoryMeter
{
    [ThreadStatic]
    private static bool IsCounting;

    [ThreadStatic]
    private static long CountedBytes;

    /// <summary>Bytes of the buffers that <paramref name="build"/> makes, on this thread; they must not be used.</summary>
    public static long Measure(Action build)
    {
        (IsCounting, CountedBytes) = (true, 0);
        try
        {
            build();
            return CountedBytes;
        }
        finally
        {
            IsCounting = false;
        }
    }

    /// <summary>Whether a buffer of <paramref name="bytes"/> is only counted.</summary>
    public static bool Counts(long bytes)
    {
        CountedBytes += IsCounting ? bytes : 0;
        return IsCounting;
    }
}
