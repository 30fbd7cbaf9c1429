using System.Diagnostics;

namespace Kfac.Fuzz;

/// <summary>What loading a file may cost, whatever is in it, and what it has cost.</summary>
/// <param name="isTimed">Whether it must also end within two seconds, once in three tries.</param>
public sealed class LoadLimits(bool isTimed)
{
    private const int MaxMessage = 10_000, MaxAttempts = 3;

    private static readonly TimeSpan MaxTime = TimeSpan.FromSeconds(2);

    private (TimeSpan Time, string What) _slowest;
    private (long Bytes, string What) _largest;

    /// <summary>Loads a file, or has it refused by the exception that says so.</summary>
    /// <param name="fileBytes">Bytes of the file: 20 times as many, and 64 MiB, may be allocated.</param>
    /// <param name="load">Loads it.</param>
    /// <param name="what">For messages.</param>
    /// <param name="loaded">What was loaded; null where it was refused.</param>
    /// <returns>Whether it was loaded.</returns>
    /// <exception cref="InvalidOperationException">It costs more, or ends in another exception.</exception>
    public bool TryLoad<T>(long fileBytes, Func<T> load, string what, out T? loaded)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(load);
        for (int attempt = 1; ; attempt++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread(), start = Stopwatch.GetTimestamp();
            try
            {
                loaded = load();
            }
            catch (FormatException refusal)
            {
                Require(refusal.Message.Length < MaxMessage, what, $"is refused by a message of {refusal.Message.Length} characters");
                loaded = null;
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"{what} may end in a {nameof(FormatException)}, but ended in {e.GetType()}", e);
            }

            TimeSpan time = Stopwatch.GetElapsedTime(start);
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Require(allocated < 20 * fileBytes + (64 << 20), what, $"has {fileBytes} bytes and allocates {allocated}");
            _largest = allocated > _largest.Bytes ? (allocated, what) : _largest;
            if (!isTimed || time < MaxTime)
            {
                _slowest = time > _slowest.Time ? (time, what) : _slowest;
                return loaded is not null;
            }

            Require(attempt < MaxAttempts, what, $"took {time}");
        }
    }

    /// <summary>What the costliest file cost.</summary>
    public override string ToString() => FormattableString.Invariant($"the slowest took {_slowest.Time.TotalMilliseconds:F0} ms ({_slowest.What}), the largest allocated {_largest.Bytes / 1024.0:F0} KiB ({_largest.What})");

    private static void Require(bool condition, string what, string otherwise)
    {
        if (!condition)
        {
            throw new InvalidOperationException($"{what} {otherwise}");
        }
    }
}
