using System.Runtime.InteropServices;
using Kfac.Kernels;
using Kfac.Parallel;
using Kfac.Running;

namespace Kfac.Training;

/// <summary>Ranks that train together must start from the same: otherwise their models would part, or one would wait for ever.</summary>
internal static class RankAgreement
{
    /// <exception cref="CommunicatorException">A rank differs from rank 0; the message names it and the difference.</exception>
    public static void Require(Communicator ranks, TrainingOptions options, Network network, IReadOnlyList<int> classCounts)
    {
        if (ranks.Size == 1)
        {
            return;
        }

        (string What, ulong Value)[] facts =
        [
            ("the instruction set (KFAC_ISA chooses one that all machines have)", (ulong)InstructionSets.Current),
            ("the network", Hash(network.Spec.ToString())),
            ("the number of training images of a class", Hash<int>([.. classCounts])),
            ("the batch size", (ulong)network.Capacity),
            ("the number of epochs", (ulong)options.Epochs),
            ("the optimizer or its settings", Hash(options.Optimizer.ToString())),
            ("the seed", (ulong)(uint)options.Seed),
            ("the initial weights", Hash<float>(network.Store.Values.Span)),
        ];
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

    private static ulong Hash(string text) => Hash<char>(text);

    /// <summary>FNV-1a.</summary>
    private static ulong Hash<T>(ReadOnlySpan<T> values)
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
