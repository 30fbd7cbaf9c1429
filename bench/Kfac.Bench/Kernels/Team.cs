using System.Diagnostics;

namespace Kfac.Bench.Kernels;

/// <summary>Some threads that do the same work together; the caller is the first of them.</summary>
internal sealed class Team : IDisposable
{
    private readonly Barrier _start, _end;
    private Action<int>? _work;

    public Team(int threads)
    {
        Threads = threads;
        _start = new Barrier(threads);
        _end = new Barrier(threads);
        for (int worker = 1; worker < threads; worker++)
        {
            int mine = worker;
            new Thread(() => Serve(mine)) { IsBackground = true }.Start();
        }
    }

    public int Threads { get; }

    /// <summary>Seconds until all have done work(worker); of one thread its processor time, which other processes disturb less.</summary>
    public double Time(Action<int> work)
    {
        if (Threads == 1)
        {
            TimeSpan processor = Environment.CpuUsage.TotalTime;
            work(0);
            return (Environment.CpuUsage.TotalTime - processor).TotalSeconds;
        }
        _work = work;
        _start.SignalAndWait();
        long begin = Stopwatch.GetTimestamp();
        work(0);
        _end.SignalAndWait();
        return Stopwatch.GetElapsedTime(begin).TotalSeconds;
    }

    public void Dispose()
    {
        _work = null;
        _start.SignalAndWait();
    }

    private void Serve(int worker)
    {
        for (; ; )
        {
            _start.SignalAndWait();
            if (_work is not { } work)
                return;
            work(worker);
            _end.SignalAndWait();
        }
    }
}
