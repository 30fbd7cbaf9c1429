using System.Runtime.InteropServices;
using Kfac.Kernels;
using Kfac.Parallel;

namespace Kfac.Running;

/// <summary>Ranks that train together must start from the same: otherwise their models would part, or one would wait for ever.</summary>
internal static class RankAgreement
{
    /// <param name="ranks">The ranks.</param>
    /// <param name="facts">What must be the same; the instruction set comes on top.</param>
    /// <exception cref="CommunicatorException">A rank differs from rank 0; the message names it and the difference.</exception>
    public static void Require(Communicator ranks, params (string What, ulong Value)[] facts)
    {
        facts = [("the instruction set (KFAC_ISA chooses one that all machines have)", (ulong)InstructionSets.Current), .. facts];
        var all = new ulong[ranks.Size * facts.Length];
        facts.Select(fact => fact.Value).ToArray().CopyTo(all, ranks.Rank * facts.Length);
        ranks.AllGather<ulong>(all, [.. Enumerable.Range(0, ranks.Size + 1).Select(rank => rank * facts.Length)]);
        for (int i = 0; i < all.Length; i++)
        {
            (int rank, int fact) = Math.DivRem(i, facts.Length);
            if (all[i] != all[fact])
            {
                throw new CommunicatorException($"rank {rank} differs from rank 0 in {facts[fact].What}: all ranks must have the same");
            }
        }
    }

    /// <summary>FNV-1a of the values' bytes.</summary>
    public static ulong Hash<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        ulong hash = 14695981039346656037;
        foreach (byte value in MemoryMarshal.AsBytes(values))
        {
            hash = (hash ^ value) * 1099511628211;
        }

        return hash;
    }
}
