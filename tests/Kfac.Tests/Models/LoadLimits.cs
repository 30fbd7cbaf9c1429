using System.Diagnostics;

namespace Kfac.Tests.Models;

/// <summary>What loading a file may cost, whatever is in it, and what it has cost.</summary>
/// <param name="isTimed">Whether it must also end within two seconds, once in three tries.</param>
internal sealed class LoadLimits(bool isTimed)
{
    private static readonly TimeSpan MaxTime = TimeSpan.FromSeconds(2);

    private (TimeSpan Time, string What) _slowest;
    private (long Bytes, string What) _largest;

    /// <summary>Loads a file, or has it refused by the exception that says so.</summary>
    /// <param name="fileBytes">Bytes of the file: 20 times as many, and 64 MiB, may be allocated.</param>
    /// <param name="load">Loads it.</param>
    /// <param name="what">For messages.</param>
    /// <param name="loaded">What was loaded; null where it was refused.</param>
    /// <returns>Whether it was loaded.</returns>
    public bool TryLoad<T>(long fileBytes, Func<T> load, string what, out T? loaded)
        where T : class
    {
        for (int attempt = 1; ; attempt++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread(), start = Stopwatch.GetTimestamp();
            try
            {
                loaded = load();
            }
            catch (FormatException refusal)
            {
                Assert.IsLessThan(10_000, refusal.Message.Length, what);
                loaded = null;
            }
            catch (Exception e)
            {
                throw new AssertFailedException($"{what} ended in {e.GetType()}", e);
            }

            TimeSpan time = Stopwatch.GetElapsedTime(start);
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.IsLessThan(20 * fileBytes + (64 << 20), allocated, what);
            _largest = allocated > _largest.Bytes ? (allocated, what) : _largest;
            if (!isTimed || time < MaxTime)
            {
                _slowest = time > _slowest.Time ? (time, what) : _slowest;
                return loaded is not null;
            }

            Assert.IsLessThan(3, attempt, $"{what} took {time}");
        }
    }

    /// <summary>What the costliest file cost.</summary>
    public override string ToString() => FormattableString.Invariant($"the slowest took {_slowest.Time.TotalMilliseconds:F0} ms ({_slowest.What}), the largest allocated {_largest.Bytes / 1024.0:F0} KiB ({_largest.What})");
}
