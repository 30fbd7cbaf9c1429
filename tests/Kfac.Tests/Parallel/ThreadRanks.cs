using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.ExceptionServices;
using Kfac.Parallel;

namespace Kfac.Tests.Parallel;

/// <summary>Ranks that are threads of this process, joined by queues. Whoever waits for a message for minutes fails: no test waits for ever.</summary>
internal sealed class ThreadRanks
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private readonly BlockingCollection<byte[]>[,] _queues;
    private volatile string? _failure;

    private ThreadRanks(int size)
    {
        _queues = new BlockingCollection<byte[]>[size, size];
        for (int from = 0; from < size; from++)
        {
            for (int to = 0; to < size; to++)
            {
                _queues[from, to] = [];
            }
        }
    }

    /// <summary>Runs <paramref name="action"/> on so many ranks and returns their results; throws what the first rank that failed of itself threw.</summary>
    public static T[] Run<T>(int size, Func<Communicator, T> action)
    {
        var ranks = new ThreadRanks(size);
        var results = new T[size];
        var failures = new Exception?[size];
        Thread[] threads = [.. Enumerable.Range(0, size).Select(rank => new Thread(() =>
        {
            var communicator = new Member(ranks, rank, size);
            try
            {
                results[rank] = action(communicator);
            }
            catch (Exception failure)
            {
                failures[rank] = failure;
                communicator.Fail(failure.Message);
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Exception? first = failures.FirstOrDefault(failure => failure is not (null or CommunicatorException)) ?? failures.FirstOrDefault(failure => failure is not null);
        if (first is not null)
        {
            ExceptionDispatchInfo.Throw(first);
        }

        return results;
    }

    private sealed class Member(ThreadRanks ranks, int rank, int size) : Communicator(rank, size)
    {
        public override void Fail(string reason) => ranks._failure ??= $"rank {Rank} failed: {reason}";

        protected override void Transfer(ReadOnlySpan<byte> outgoing, int to, Span<byte> incoming, int from)
        {
            if (to >= 0)
            {
                ranks._queues[Rank, to].Add(outgoing.ToArray());
            }

            if (from >= 0)
            {
                byte[]? message;
                long start = Stopwatch.GetTimestamp();
                while (!ranks._queues[from, Rank].TryTake(out message, millisecondsTimeout: 20))
                {
                    if (ranks._failure is { } failure)
                    {
                        throw new CommunicatorException(failure);
                    }

                    Assert.IsLessThan(Patience, Stopwatch.GetElapsedTime(start), $"rank {Rank} has waited in vain for rank {from}");
                }

                Assert.HasCount(incoming.Length, message);
                message.CopyTo(incoming);
            }
        }
    }
}
