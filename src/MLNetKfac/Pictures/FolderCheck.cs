using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Kfac.Parallel;

namespace MLNetKfac.Pictures;

/// <summary>Looks at every picture of a folder, on all processors. Ranks look at a share each, and tell the others.</summary>
internal static class FolderCheck
{
    private static readonly TimeSpan ReportInterval = TimeSpan.FromSeconds(0.1);

    /// <summary>What a look at a picture gives: its upright size, or why it cannot be read.</summary>
    public readonly record struct Finding(PictureSize Size, string? Damage);

    /// <summary>A finding for each of the files.</summary>
    /// <param name="files">The files, the same on all ranks, if not in the same place.</param>
    /// <param name="decodes">Whether pictures are decoded, or only their heads are read.</param>
    /// <param name="ranks">Who share the work.</param>
    /// <param name="progress">Told how many this rank has done, and of how many.</param>
    /// <exception cref="CommunicatorException">Another rank failed, or has other files.</exception>
    /// <exception cref="OperationCanceledException">The <paramref name="progress"/> of some rank threw one.</exception>
    public static Finding[] Run(IReadOnlyList<PictureFile> files, bool decodes, Communicator ranks, Action<int, int>? progress)
    {
        RequireSame(files, ranks);
        string[] share = [.. OfRank(ranks.Rank).Select(number => files[number].Path)];
        Finding[] own = [];
        OperationCanceledException? cancelled = null;
        try
        {
            own = LookAt(share, decodes, progress);
        }
        catch (OperationCanceledException cancellation)
        {
            cancelled = cancellation;
        }
        catch (Exception failure)
        {
            ranks.Fail(failure.Message);
            throw;
        }

        if (ranks.Size == 1)
        {
            return cancelled is null ? own : throw cancelled;
        }

        var findings = new Finding[files.Count];
        byte[][] all = Gather(cancelled is null ? JsonSerializer.SerializeToUtf8Bytes(own) : [], ranks);
        if (all.Any(part => part.Length == 0))
        {
            throw cancelled ?? new OperationCanceledException("a rank was cancelled");
        }

        for (int rank = 0; rank < ranks.Size; rank++)
        {
            foreach ((int number, Finding finding) in OfRank(rank).Zip(JsonSerializer.Deserialize<Finding[]>(all[rank])!))
            {
                findings[number] = finding;
            }
        }

        return findings;

        // Neighbours are often alike: by turns, all ranks have large and small ones.
        IEnumerable<int> OfRank(int rank) => Enumerable.Range(0, files.Count).Where(number => number % ranks.Size == rank);
    }

    private static Finding[] LookAt(string[] paths, bool decodes, Action<int, int>? progress)
    {
        var findings = new Finding[paths.Length];
        int done = 0;
        bool stopped = false;
        Task all = Task.Run(() => Parallel.For(0, findings.Length, (number, loop) =>
        {
            findings[number] = LookAt(paths[number], decodes);
            Interlocked.Increment(ref done);
            if (Volatile.Read(ref stopped))
            {
                loop.Stop();
            }
        }));
        try
        {
            while (!all.Wait(ReportInterval))
            {
                progress?.Invoke(Volatile.Read(ref done), findings.Length);
            }

            progress?.Invoke(findings.Length, findings.Length);
            return findings;
        }
        finally
        {
            Volatile.Write(ref stopped, true);
        }
    }

    private static Finding LookAt(string path, bool decodes)
    {
        try
        {
            return new Finding(PictureDecoder.Measure(path, decodes), Damage: null);
        }
        catch (Exception damage) when (damage is FormatException or IOException or UnauthorizedAccessException)
        {
            return new Finding(default, damage.Message);
        }
    }

    private static void RequireSame(IReadOnlyList<PictureFile> files, Communicator ranks)
    {
        byte[] names = Encoding.UTF8.GetBytes(string.Join('/', files.Select(file => $"{file.Class}/{Path.GetFileName(file.Path)}")));
        byte[][] all = Gather(SHA256.HashData(names), ranks);
        if (Array.FindIndex(all, hash => !hash.AsSpan().SequenceEqual(all[0])) is > 0 and int other)
        {
            throw new CommunicatorException($"rank {other} has other picture files than rank 0: all ranks need the same files in the same folders");
        }
    }

    /// <summary>What each rank has.</summary>
    private static byte[][] Gather(byte[] own, Communicator ranks)
    {
        int[] starts = [0, .. ranks.AllGather(own.Length)];
        for (int rank = 0; rank < ranks.Size; rank++)
        {
            starts[rank + 1] = checked(starts[rank + 1] + starts[rank]);
        }

        var all = new byte[starts[^1]];
        own.CopyTo(all, starts[ranks.Rank]);
        ranks.AllGather<byte>(all, starts);
        return [.. Enumerable.Range(0, ranks.Size).Select(rank => all[starts[rank]..starts[rank + 1]])];
    }
}
