using System.Diagnostics;

namespace Kfac.Tests.Models;

/// <summary>What loading a file may cost, whatever is in it.</summary>
internal static class LoadLimits
{
    private static readonly TimeSpan MaxTime = TimeSpan.FromSeconds(2);

    /// <summary>Loads a file, or has it refused by one of the exceptions that say so.</summary>
    /// <param name="fileBytes">Bytes of the file: 20 times as many, and 64 MiB, may be allocated.</param>
    /// <param name="load">Loads it.</param>
    /// <param name="what">For messages.</param>
    /// <param name="isTimed">Whether it must also end within two seconds, once in three tries.</param>
    /// <param name="loaded">What was loaded; null where it was refused.</param>
    /// <returns>Whether it was loaded.</returns>
    public static bool TryLoad<T>(long fileBytes, Func<T> load, string what, bool isTimed, out T? loaded)
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
            Assert.IsLessThan(20 * fileBytes + (64 << 20), GC.GetAllocatedBytesForCurrentThread() - before, what);
            if (!isTimed || time < MaxTime)
            {
                return loaded is not null;
            }

            Assert.IsLessThan(3, attempt, $"{what} took {time}");
        }
    }
}
