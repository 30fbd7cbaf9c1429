namespace Kfac;

/// <summary>
/// Counts the bytes of every <see cref="AlignedBuffer"/> that a thread makes, and has them made empty: what a network takes is
/// known without taking it.
/// </summary>
internal static class MemoryMeter
{
    [ThreadStatic]
    private static bool _counts;

    [ThreadStatic]
    private static long _bytes;

    /// <summary>Bytes of the buffers that <paramref name="build"/> makes, on this thread; they must not be used.</summary>
    public static long Measure(Action build)
    {
        (_counts, _bytes) = (true, 0);
        try
        {
            build();
            return _bytes;
        }
        finally
        {
            _counts = false;
        }
    }

    /// <summary>Whether a buffer of <paramref name="bytes"/> is only counted.</summary>
    public static bool Counts(long bytes)
    {
        _bytes += _counts ? bytes : 0;
        return _counts;
    }
}
