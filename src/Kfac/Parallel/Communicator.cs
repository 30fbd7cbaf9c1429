using System.Runtime.InteropServices;

namespace Kfac.Parallel;

/// <summary>
/// The ranks 0 … Size-1, a process each, that train one network together. All of them make the same calls in the same order,
/// with values of the same lengths; each call ends when this rank has what it is to have.
/// </summary>
/// <remarks>
/// The calls here are made of one: <see cref="Transfer"/>, a message out and a message in. Sums go from rank to rank, each
/// adding its own terms to those of the ranks before it, so that their order, and every bit, is that of a single process.
/// </remarks>
public abstract class Communicator
{
    /// <param name="rank">This process's number, 0 … <paramref name="size"/>-1.</param>
    /// <param name="size">Number of ranks, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is not as above.</exception>
    protected Communicator(int rank, int size)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(rank);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(rank, size);
        (Rank, Size) = (rank, size);
    }

    /// <summary>A single process, which has nobody to talk to.</summary>
    public static Communicator Solo { get; } = new SoloCommunicator();

    /// <summary>This process's number. Rank 0 reports and writes.</summary>
    public int Rank { get; }

    /// <summary>Number of ranks.</summary>
    public int Size { get; }

    /// <summary>How many of the ranks, this one included, are on this machine and share its processors.</summary>
    public virtual int RanksOnThisMachine => Size;

    /// <summary>Bytes that this rank has sent.</summary>
    public long BytesSent { get; private set; }

    /// <summary>Copies the <paramref name="values"/> of rank <paramref name="root"/> to all ranks, along a binomial tree.</summary>
    public void Broadcast<T>(Span<T> values, int root)
        where T : unmanaged
    {
        Span<byte> bytes = MemoryMarshal.AsBytes(values);
        int relative = (Rank - root + Size) % Size, span = 1;
        for (; span < Size && relative % (2 * span) == 0; span *= 2)
        {
        }

        if (relative != 0)
        {
            Receive(bytes, RankAt(relative - span));
        }

        for (span /= 2; span > 0; span /= 2)
        {
            if (relative + span < Size)
            {
                Send(bytes, RankAt(relative + span));
            }
        }

        int RankAt(int at) => (at + root) % Size;
    }

    /// <summary>Copies every rank's part of <paramref name="values"/> to all ranks, around a ring.</summary>
    /// <param name="values">Rank r has filled those from <paramref name="starts"/>[r] to before <paramref name="starts"/>[r + 1].</param>
    /// <param name="starts">[Size + 1], the same on all ranks.</param>
    public void AllGather<T>(Span<T> values, ReadOnlySpan<int> starts)
        where T : unmanaged
    {
        int next = (Rank + 1) % Size, last = (Rank - 1 + Size) % Size;
        for (int step = 0; step < Size - 1; step++)
        {
            int outgoing = (Rank - step + Size) % Size, incoming = (last - step + Size) % Size;
            Exchange(MemoryMarshal.AsBytes(Part(values, starts, outgoing)), next, MemoryMarshal.AsBytes(Part(values, starts, incoming)), last);
        }

        static Span<T> Part(Span<T> values, ReadOnlySpan<int> starts, int rank) => values[starts[rank]..starts[rank + 1]];
    }

    /// <summary>A value of each rank, by rank, on all ranks.</summary>
    /// <param name="own">This rank's.</param>
    public T[] AllGather<T>(T own)
        where T : unmanaged
    {
        var all = new T[Size];
        all[Rank] = own;
        AllGather<T>(all, [.. Enumerable.Range(0, Size + 1)]);
        return all;
    }

    /// <summary>First half of an ordered all-reduce: puts what the ranks before this one have added up into <paramref name="sums"/>; on rank 0 they stay what they are.</summary>
    public void ReceiveSums<T>(Span<T> sums)
        where T : unmanaged
    {
        if (Rank > 0)
        {
            Receive(MemoryMarshal.AsBytes(sums), Rank - 1);
        }
    }

    /// <summary>Second half: hands <paramref name="sums"/>, to which this rank has added its own, on to the next. The last rank has the whole sums then.</summary>
    public void PassSums<T>(Span<T> sums)
        where T : unmanaged
    {
        if (Rank < Size - 1)
        {
            Send(MemoryMarshal.AsBytes(sums), Rank + 1);
        }
    }

    /// <summary>What comes after <see cref="PassSums"/>: copies the whole sums from the last rank to all.</summary>
    public void ShareSums<T>(Span<T> sums)
        where T : unmanaged => Broadcast(sums, root: Size - 1);

    /// <summary>Whether <paramref name="holds"/> is true on some rank.</summary>
    public bool Any(bool holds)
    {
        Span<byte> all = stackalloc byte[Size];
        Span<int> starts = stackalloc int[Size + 1];
        for (int rank = 0; rank <= Size; rank++)
        {
            starts[rank] = rank;
        }

        all[Rank] = holds ? (byte)1 : (byte)0;
        AllGather(all, starts);
        return all.Contains((byte)1);
    }

    /// <summary>Waits until all ranks have come here.</summary>
    public void Barrier() => Any(false);

    /// <summary>
    /// Tells the other ranks that this one cannot go on: what they wait for, or will wait for, throws a
    /// <see cref="CommunicatorException"/> with the reason.
    /// </summary>
    /// <param name="reason">What went wrong here.</param>
    public abstract void Fail(string reason);

    /// <summary>Sends <paramref name="outgoing"/> and receives <paramref name="incoming"/> at the same time; returns when both are done.</summary>
    /// <param name="outgoing">What to send.</param>
    /// <param name="to">Which rank gets it, another than this; -1 for none.</param>
    /// <param name="incoming">Where to put what comes, which has this length.</param>
    /// <param name="from">Which rank it comes from, another than this; -1 for none.</param>
    /// <exception cref="CommunicatorException">A message did not arrive, or the other rank failed.</exception>
    protected abstract void Transfer(ReadOnlySpan<byte> outgoing, int to, Span<byte> incoming, int from);

    /// <summary><see cref="Transfer"/>, of which either half may be empty.</summary>
    internal void Exchange(ReadOnlySpan<byte> outgoing, int to, Span<byte> incoming, int from)
    {
        (to, from) = (outgoing.IsEmpty ? -1 : to, incoming.IsEmpty ? -1 : from);
        BytesSent += outgoing.Length;
        if (to >= 0 || from >= 0)
        {
            Transfer(outgoing, to, incoming, from);
        }
    }

    private void Send(ReadOnlySpan<byte> bytes, int to) => Exchange(bytes, to, [], from: -1);

    private void Receive(Span<byte> bytes, int from) => Exchange([], to: -1, bytes, from);

    private sealed class SoloCommunicator() : Communicator(rank: 0, size: 1)
    {
        public override void Fail(string reason)
        {
        }

        protected override void Transfer(ReadOnlySpan<byte> outgoing, int to, Span<byte> incoming, int from) =>
            throw new InvalidOperationException("a single rank has nobody to talk to");
    }
}
