using System.Runtime.ExceptionServices;

namespace Kfac.Parallel;

/// <summary>One unit of a parallel region; <paramref name="worker"/> (0 … Count-1) names the scratch memory it may use.</summary>
internal delegate void WorkerAction(int unit, int worker);

/// <summary>
/// A fixed set of threads that run the units 0 … n-1 of a region and meet at its end. Which worker runs a unit is left
/// open; callers write each unit's result to its own place and reduce in a fixed order, so that results do not depend on
/// the number of workers. A region allocates nothing.
/// </summary>
/// <remarks>Not reentrant: one region at a time, always started from the same owner.</remarks>
internal sealed class Workers : IDisposable
{
    /// <summary>How long an idle worker looks for the next region before it sleeps: a step's regions follow each other closely.</summary>
    private const int SpinsBeforeSleep = 4000;

    /// <summary>How long the owner looks for the others' end, which is near, before it lets other threads go first.</summary>
    private const int SpinsBeforeYield = 2000;

    private readonly Thread[] _threads;
    private readonly object _wake = new();
    private volatile int _generation;
    private volatile bool _stopping;
    private WorkerAction? _action;
    private CancellationToken _regionCancellation;
    private Exception? _failure;
    private int _sleeping;
    private int _units;
    private int _nextUnit;
    private int _running;

    /// <param name="count">Number of workers, the calling thread included; at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is less than 1.</exception>
    public Workers(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        Count = count;
        _threads = [.. Enumerable.Range(1, count - 1).Select(worker => new Thread(() => Serve(worker)) { IsBackground = true, Name = $"Kfac worker {worker}" })];
        try
        {
            Array.ForEach(_threads, thread => thread.Start());
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>More threads than this are of no use: 4 for each processor, but at least 64.</summary>
    public static int MaxCount => Math.Max(4 * Environment.ProcessorCount, 64);

    /// <summary>Number of workers, the calling thread included.</summary>
    public int Count { get; }

    /// <summary>Ends regions before their next unit, and long units wherever they look at it.</summary>
    public CancellationToken Cancellation { get; set; }

    /// <summary>Threads that sleep until the next region.</summary>
    public int Sleeping => Volatile.Read(ref _sleeping);

    /// <summary>Runs the units 0 … <paramref name="units"/>-1 by <paramref name="workers"/>, or by the calling thread alone where there are none.</summary>
    public static void Run(Workers? workers, int units, WorkerAction action)
    {
        if (workers is not null)
        {
            workers.Run(units, action);
            return;
        }

        for (int unit = 0; unit < units; unit++)
        {
            action(unit, 0);
        }
    }

    /// <summary>Runs <paramref name="action"/> for the units 0 … <paramref name="units"/>-1 and returns when all are done.</summary>
    /// <param name="units">How many units.</param>
    /// <param name="action">What is done.</param>
    /// <param name="isAtomic">Whether <see cref="Cancellation"/> is to leave this region alone: it ends soon, and must not be done by halves.</param>
    /// <remarks>The first exception of a unit is rethrown here; units not yet begun are then skipped.</remarks>
    /// <exception cref="OperationCanceledException"><see cref="Cancellation"/> was cancelled.</exception>
    public void Run(int units, WorkerAction action, bool isAtomic = false)
    {
        _regionCancellation = isAtomic ? default : Cancellation;
        if (Count == 1 || units <= 1)
        {
            for (int unit = 0; unit < units; unit++)
            {
                _regionCancellation.ThrowIfCancellationRequested();
                action(unit, 0);
            }

            return;
        }

        _action = action;
        _units = units;
        _failure = null;
        Volatile.Write(ref _nextUnit, 0);
        Volatile.Write(ref _running, _threads.Length);
        Interlocked.Increment(ref _generation);
        WakeSleepers();

        TakeUnits(0);
        for (int spin = 0; Volatile.Read(ref _running) != 0; spin++)
        {
            if (spin < SpinsBeforeYield)
            {
                Thread.SpinWait(1);
            }
            else
            {
                Thread.Yield();
            }
        }

        if (_failure is { } failure)
        {
            ExceptionDispatchInfo.Throw(failure);
        }
    }

    /// <summary>Ends the threads.</summary>
    public void Dispose()
    {
        _stopping = true;
        Thread.MemoryBarrier();
        WakeSleepers();
        foreach (Thread thread in _threads.Where(thread => !thread.ThreadState.HasFlag(ThreadState.Unstarted)))
        {
            thread.Join();
        }
    }

    private void WakeSleepers()
    {
        if (Sleeping > 0)
        {
            lock (_wake)
            {
                Monitor.PulseAll(_wake);
            }
        }
    }

    private void Serve(int worker)
    {
        int seen = 0;
        while (WaitForRegion(ref seen))
        {
            TakeUnits(worker);
            Interlocked.Decrement(ref _running);
        }
    }

    private bool WaitForRegion(ref int seen)
    {
        for (int spin = 0; _generation == seen && !_stopping; spin++)
        {
            if (spin < SpinsBeforeSleep)
            {
                Thread.SpinWait(8);
                continue;
            }

            lock (_wake)
            {
                Interlocked.Increment(ref _sleeping);
                if (_generation == seen && !_stopping)
                {
                    Monitor.Wait(_wake);
                }

                Interlocked.Decrement(ref _sleeping);
            }
        }

        seen = _generation;
        return !_stopping;
    }

    private void TakeUnits(int worker)
    {
        int unit;
        while ((unit = Interlocked.Increment(ref _nextUnit) - 1) < _units)
        {
            try
            {
                _regionCancellation.ThrowIfCancellationRequested();
                _action!(unit, worker);
            }
            catch (Exception exception)
            {
                Interlocked.CompareExchange(ref _failure, exception, null);
                Volatile.Write(ref _nextUnit, _units);
            }
        }
    }
}
