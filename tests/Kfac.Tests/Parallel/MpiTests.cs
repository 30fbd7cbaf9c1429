using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Kfac.Tests.Parallel;

/// <summary>Ranks that are processes, started by mpirun: <c>dotnet test --filter TestCategory=Mpi</c> where Open MPI or MPICH is installed.</summary>
[TestClass]
[TestCategory("Mpi")]
public sealed class MpiTests
{
    /// <summary>Past this ranks hang: none of these trainings takes a minute.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    /// <summary>The second network has layers whose gradients come from the whole batch at once.</summary>
    [TestMethod]
    [DataRow("small", "sgd")]
    [DataRow("small", "kfac")]
    [DataRow("small", "Diagonal")]
    [DataRow("small", "Kronecker")]
    [DataRow("small", "Ekfac")]
    [DataRow("deep", "Diagonal")]
    [DataRow("deep", "Kronecker")]
    public void Any_number_of_ranks_has_the_model_of_one_process(string network, string optimizer)
    {
        string[] Training(int threads) => [network, optimizer, "90", "30", "2", $"{threads}"];
        string expected = Digests(Run(ranks: 0, Training(threads: 1))).Single();
        Assert.AreEqual(expected, Digests(Run(ranks: 0, Training(threads: 2))).Single());
        foreach (int size in (int[])[1, 2, 3, 4])
        {
            string[] digests = Digests(Run(size, Training(threads: 1 + size % 2)));

            Assert.HasCount(size, digests);
            Assert.AreEqual(expected, digests.Distinct().Single(), $"{size} ranks");
        }
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(4)]
    public void After_a_kill_any_number_of_ranks_goes_on_to_the_same_model(int ranks)
    {
        string folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            string[] training = ["small", "Kronecker", "90", "30", "3", "1"];
            string expected = Digests(Run(ranks: 0, training)).Single();

            Result killed = Run(ranks: 3, [.. training, "kill", "1", "5", folder]);
            Assert.AreNotEqual(0, killed.ExitCode);
            Assert.IsNotEmpty(Directory.GetFiles(folder, "checkpoint-*"));

            Assert.AreEqual(expected, Digests(Run(ranks, [.. training, "nothing", "0", "0", folder])).Distinct().Single());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestMethod]
    public void An_exception_on_one_rank_ends_all()
    {
        Result result = Run(ranks: 3, "small", "sgd", "90", "30", "40", "1", "throw", "1", "5");

        Assert.AreNotEqual(0, result.ExitCode);
        Assert.Contains("the disk is gone", result.Text);
    }

    [TestMethod]
    public void A_rank_that_is_killed_ends_all()
    {
        Result result = Run(ranks: 3, "small", "sgd", "90", "30", "100000", "1", "kill", "1", "5");

        Assert.AreNotEqual(0, result.ExitCode);
        Assert.MatchesRegex(new Regex("rank 1\\b"), result.Text);
    }

    [TestMethod]
    public void A_rank_that_stands_still_is_named_and_ends_all()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        Result result = Run(ranks: 3, "small", "sgd", "90", "30", "100000", "1", "stop", "1", "5");

        Assert.AreNotEqual(0, result.ExitCode);
        Assert.Contains("rank 1 has given no sign of life for 6 s", result.Text);
    }

    private static string[] Digests(Result result)
    {
        Assert.AreEqual(0, result.ExitCode, result.Text);
        return [.. Regex.Matches(result.Text, "rank \\d+ of \\d+ digest ([0-9A-F]{64})").Select(match => match.Groups[1].Value)];
    }

    /// <summary>Runs so many ranks to their end; 0 runs the program by itself.</summary>
    private static Result Run(int ranks, params string[] arguments)
    {
        string[] program = [Environment.ProcessPath!.EndsWith("dotnet", StringComparison.Ordinal) ? Environment.ProcessPath : "dotnet", Path.Combine(AppContext.BaseDirectory, "Kfac.MpiProgram.dll"), .. arguments];
        string[] command = ranks == 0 ? program : ["mpirun", .. Environment.UserName == "root" ? ["--allow-run-as-root"] : Array.Empty<string>(), "--oversubscribe", "--bind-to", "none", "-n", $"{ranks}", .. program];
        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["TERM"] = "dumb";
        start.Environment["KFAC_MPI_PATIENCE"] = "6";
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(Patience))
        {
            process.Kill(entireProcessTree: true);
            throw new AssertFailedException($"the ranks did not end within {Patience.TotalMinutes} minutes");
        }

        return new Result(process.ExitCode, output.Result + errors.Result);
    }

    private sealed record Result(int ExitCode, string Text);
}
