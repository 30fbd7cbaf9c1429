using System.Diagnostics;
using System.Text.Json;
using MLNetKfac.Tests.Data;

namespace MLNetKfac.Tool.Tests;

/// <summary><c>mpirun -n N kfac train</c>: one model and one report, whatever N is. They need Open MPI.</summary>
[TestClass]
[TestCategory("Mpi")]
public sealed class RanksTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [TestMethod]
    public void Two_ranks_print_once_and_have_the_digest_of_one_process()
    {
        string[] words = ["train", Stripes.Write(_folder.File("p"), 30), "--epochs", "3", "--threads", "1", "--digest", "--model"];
        string expected = Digest(ToolProcess.Run([.. words, _folder.File("whole.zip")]));

        ToolProcess.Outcome shared = ToolProcess.Wait(ToolProcess.StartRanks(2, [.. words, _folder.File("m.zip")]));

        Assert.AreEqual(expected, Digest(shared));
        Assert.ContainsSingle(shared.Output.Where(line => line.StartsWith("saved: ", StringComparison.Ordinal)), shared.ToString());
        CollectionAssert.AreEquivalent(new[] { "m.zip", "whole.zip" }, Directory.GetFiles(Path.GetDirectoryName(_folder.File("m.zip"))!).Select(Path.GetFileName).ToArray());
    }

    [TestMethod]
    public void The_result_says_how_many_ranks_sent_how_much()
    {
        ToolProcess.Outcome outcome = ToolProcess.Wait(ToolProcess.StartRanks(2, ["train", Stripes.Write(_folder.File("p"), 30), "--epochs", "1", "--threads", "1", "--json", "--model", _folder.File("m.zip")]));

        Assert.AreEqual(0, outcome.Code, outcome.ToString());
        JsonElement result = JsonDocument.Parse(string.Join('\n', outcome.Output)).RootElement;
        Assert.AreEqual(2, result.GetProperty("ranks").GetInt32());
        Assert.IsGreaterThan(0, result.GetProperty("bytesSentPerStep").GetInt64());
    }

    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    public void A_killed_rank_ends_all_and_another_number_of_ranks_goes_on()
    {
        string checkpoints = _folder.File("c");
        string[] words = ["train", Stripes.Write(_folder.File("p"), 60), "--epochs", "12", "--threads", "1", "--digest", "--model"];
        string expected = Digest(ToolProcess.Run([.. words, _folder.File("whole.zip")]));
        words = [.. words, _folder.File("m.zip"), "--checkpoint", checkpoints, "--checkpoint-every", "0s"];

        using Process ranks = ToolProcess.StartRanks(3, words);
        Assert.IsTrue(SpinWait.SpinUntil(() => ranks.HasExited || Directory.Exists(checkpoints) && Directory.GetFiles(checkpoints, "checkpoint-*.kfac").Length > 1, TimeSpan.FromMinutes(5)));
        ProcessOfRank(1, ranks.Id).Kill();
        long killed = Stopwatch.GetTimestamp();
        ToolProcess.Outcome outcome = ToolProcess.Wait(ranks);

        Assert.AreNotEqual(0, outcome.Code, outcome.ToString());
        Assert.IsLessThan(TimeSpan.FromSeconds(30), Stopwatch.GetElapsedTime(killed));
        Assert.Contains("process rank 1 ", outcome.ToString());
        Assert.IsFalse(File.Exists(_folder.File("m.zip")));
        Assert.AreEqual(expected, Digest(ToolProcess.Wait(ToolProcess.StartRanks(2, words))));
    }

    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    public void An_interruption_of_any_rank_is_one_of_all()
    {
        string checkpoints = _folder.File("c");
        using Process ranks = ToolProcess.StartRanks(2, "train", Stripes.Write(_folder.File("p"), 60), "--epochs", "2000", "--threads", "1", "--digest", "--model", _folder.File("m.zip"), "--checkpoint", checkpoints);
        Assert.IsTrue(SpinWait.SpinUntil(() => ranks.HasExited || Directory.Exists(checkpoints) && Directory.GetFiles(checkpoints, "checkpoint-*.kfac").Length > 0, TimeSpan.FromMinutes(5)));
        Process.Start("kill", ["-TERM", $"{ProcessOfRank(1, ranks.Id).Id}"]).WaitForExit();

        ToolProcess.Outcome outcome = ToolProcess.Wait(ranks);

        Assert.AreEqual(3, outcome.Code, outcome.ToString());
        Assert.Contains("interrupted: not evaluated", outcome.Output);
        Assert.Contains("the same command goes on from here", outcome.Output);
        Assert.IsTrue(File.Exists(_folder.File("m.zip")));
    }

    [TestMethod]
    public void A_wrong_command_line_is_told_once()
    {
        ToolProcess.Outcome outcome = ToolProcess.Wait(ToolProcess.StartRanks(2, "train", Stripes.Write(_folder.File("p"), 12), "--epochs", "-1", "--model", _folder.File("m.zip")));

        Assert.AreEqual(2, outcome.Code, outcome.ToString());
        Assert.ContainsSingle(outcome.Errors.Where(line => line.StartsWith("kfac: --epochs", StringComparison.Ordinal)), outcome.ToString());
    }

    private static string Digest(ToolProcess.Outcome outcome)
    {
        Assert.AreEqual(0, outcome.Code, outcome.ToString());
        return Assert.ContainsSingle(outcome.Output.Where(line => line.StartsWith("digest: ", StringComparison.Ordinal)), outcome.ToString());
    }

    /// <summary>Open MPI tells each of its children which rank it is.</summary>
    private static Process ProcessOfRank(int rank, int launcher) => Process.GetProcesses().Single(process =>
    {
        try
        {
            return File.ReadAllText($"/proc/{process.Id}/stat").Split(") ")[^1].Split(' ')[1] == $"{launcher}"
                && File.ReadAllText($"/proc/{process.Id}/environ").Split('\0').Contains($"OMPI_COMM_WORLD_RANK={rank}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    });
}
