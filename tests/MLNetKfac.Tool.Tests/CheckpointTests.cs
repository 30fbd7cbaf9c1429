using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.RegularExpressions;
using MLNetKfac.Tests.Data;
using MLNetKfac.Tool.Commands;

namespace MLNetKfac.Tool.Tests;

/// <summary><c>kfac train --checkpoint</c>: the same words, started again, end with the same digest.</summary>
[TestClass]
public sealed class CheckpointTests : IDisposable
{
    private const int Sigint = 2;

    private readonly TemporaryFolder _folder = new();

    public TestContext TestContext { get; set; } = null!;

    public void Dispose() => _folder.Dispose();

    [TestMethod]
    public void A_training_killed_three_times_ends_with_the_same_digest() => Kill(kills: 3, seed: 1, [("0.1s", [])]);

    [TestMethod]
    [TestCategory("Kill")]
    public void Trainings_killed_fifty_times_end_with_the_same_digest() =>
        Kill(kills: 50, seed: 2, [("0.05s", []), ("0.1s", ["--optimizer", "adam"]), ("1e", ["--validation", "0"]), ("3e", ["--optimizer", "muon"])]);

    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    public void After_Ctrl_C_the_same_command_goes_on()
    {
        string pictures = Stripes.Write(_folder.File("p"), 30), log = _folder.File("log.jsonl");
        string[] words = ["train", pictures, "--model", _folder.File("m.zip"), "--epochs", "40", "--threads", "1", "--digest", "--log", log, "--checkpoint", _folder.File("c"), "--checkpoint-every", "1h"];
        string expected = ToolProcess.Run("train", pictures, "--model", _folder.File("whole.zip"), "--epochs", "40", "--threads", "1", "--digest").Output[^1];
        using Process process = ToolProcess.StartHearingInterrupts(words);
        while (!(process.StandardOutput.ReadLine() ?? throw new AssertFailedException(process.StandardError.ReadToEnd())).Contains("2/40", StringComparison.Ordinal))
        {
        }

        Assert.AreEqual(0, kill(process.Id, Sigint));
        ToolProcess.Outcome interrupted = ToolProcess.Wait(process);
        Assert.AreEqual(3, interrupted.Code, interrupted.ToString());
        Assert.ContainsSingle(interrupted.Output.Where(line => line.StartsWith("saved: ", StringComparison.Ordinal)), interrupted.ToString());
        Assert.Contains("the same command goes on from here", interrupted.Output);
        Assert.AreNotEqual(expected, interrupted.Output[^1]);

        ToolProcess.Outcome resumed = ToolProcess.Run(words);
        Assert.AreEqual(0, resumed.Code, resumed.ToString());
        Assert.ContainsSingle(resumed.Output.Where(line => Regex.IsMatch(line, "^goes on from (the last step|step [0-9]+), epoch [0-9]+$")), resumed.ToString());
        Assert.AreEqual(expected, resumed.Output[^1]);
        CollectionAssert.AreEqual(Enumerable.Range(1, 40).ToArray(), File.ReadLines(log).Select(line => JsonDocument.Parse(line).RootElement.GetProperty("epoch").GetInt32()).ToArray());

        ToolProcess.Outcome again = ToolProcess.Run(words);
        Assert.AreEqual(0, again.Code, again.ToString());
        Assert.ContainsSingle(again.Output.Where(line => line.StartsWith("this training had already ended", StringComparison.Ordinal)), again.ToString());
        Assert.ContainsSingle(again.Output.Where(line => line.Contains("held-back pictures: accuracy", StringComparison.Ordinal)), again.ToString());
        Assert.AreEqual(expected, again.Output[^1]);
        Assert.HasCount(40, File.ReadAllLines(log));
    }

    [TestMethod]
    public void The_log_of_a_training_that_went_on_from_a_model_has_its_own_epochs_alone()
    {
        string pictures = Stripes.Write(_folder.File("p"), 10), log = _folder.File("log.jsonl");
        Assert.AreEqual(0, ToolProcess.Run("train", pictures, "--model", _folder.File("first.zip"), "--epochs", "2").Code);
        string[] words = ["train", pictures, "--model", _folder.File("m.zip"), "--from", _folder.File("first.zip"), "--epochs", "3", "--log", log, "--checkpoint", _folder.File("c")];
        Assert.AreEqual(0, ToolProcess.Run(words).Code);
        string[] expected = Epochs();

        Assert.AreEqual(0, ToolProcess.Run(words).Code, "it had ended, and completes the log");

        CollectionAssert.AreEqual((string[])["3", "4", "5"], expected);
        CollectionAssert.AreEqual(expected, Epochs());

        string[] Epochs() => [.. File.ReadLines(log).Select(line => $"{JsonDocument.Parse(line).RootElement.GetProperty("epoch")}")];
    }

    [TestMethod]
    public void Other_words_or_pictures_are_refused_by_name()
    {
        string pictures = Stripes.Write(_folder.File("p"), 8), checkpoints = _folder.File("c");
        string[] words = ["train", pictures, "--model", _folder.File("m.zip"), "--checkpoint", checkpoints, "--epochs"];
        Assert.AreEqual(0, ToolProcess.Run([.. words, "1"]).Code);
        byte[] model = File.ReadAllBytes(_folder.File("m.zip"));

        AssertRefuses("--epochs 1, now 2; --seed 1, now 7: ", [.. words, "2", "--seed", "7"]);
        AssertRefuses("--optimizer kfac, now sgd: ", [.. words, "1", "--optimizer", "sgd"]);
        AssertRefuses("--size default, now 9: ", [.. words, "1", "--size", "9"]);
        File.Delete(Path.Combine(checkpoints, "command.json"));
        AssertRefuses("Epochs: 1, now 2", [.. words, "2"]);
        Stripes.Write(pictures, 8, seed: 2);
        AssertRefuses("the training images", [.. words, "1"]);
        CollectionAssert.AreEqual(model, File.ReadAllBytes(_folder.File("m.zip")));
    }

    [TestMethod]
    [DataRow("1s", "every 00:00:01")]
    [DataRow("90s", "every 00:01:30")]
    [DataRow("2m", "every 00:02:00")]
    [DataRow("1.5h", "every 01:30:00")]
    [DataRow("3e", "every 3 epochs")]
    [DataRow("0s", "every 00:00:00")]
    [DataRow("0e", null)]
    [DataRow("1.5e", null)]
    [DataRow("-1s", null)]
    [DataRow("1e9s", null)]
    [DataRow("99999999999999999h", null)]
    [DataRow("s", null)]
    [DataRow("10", null)]
    [DataRow("", null)]
    public void Intervals_are_numbers_with_a_unit(string word, string? expected) => Assert.AreEqual(expected, CheckpointEvery.Parse(word)?.ToString());

    [TestMethod]
    public void Wrong_intervals_and_intervals_without_a_folder_are_wrong_command_lines()
    {
        string pictures = Stripes.Write(_folder.File("p"), 2);
        foreach ((string[] words, string error) in new (string[], string)[]
            {
                (["--checkpoint", _folder.File("c"), "--checkpoint-every", "soon"], "--checkpoint-every must be seconds, minutes, hours or epochs, such as 90s, 2m, 1h or 3e, but is 'soon'"),
                (["--checkpoint-every", "1s"], "--checkpoint-every needs --checkpoint, the folder to write to"),
            })
        {
            ToolProcess.Outcome outcome = ToolProcess.Run(["train", pictures, "--model", _folder.File("m.zip"), .. words]);
            Assert.AreEqual(2, outcome.Code, outcome.ToString());
            Assert.Contains($"kfac: {error}", outcome.Errors);
        }
    }

    /// <summary>Kills trainings until there were so many kills, and ends the one at work.</summary>
    private void Kill(int kills, int seed, (string Every, string[] Options)[] trainings)
    {
        var random = new Random(seed);
        string pictures = Stripes.Write(_folder.File("p"), 60);
        int killed = 0, early = 0, resumed = 0, finished = 0;
        for (int number = 0; killed < kills; number++)
        {
            string model = _folder.File($"{number}.zip"), checkpoints = _folder.File($"{number}");
            (string every, string[] options) = trainings[number % trainings.Length];
            string[] uninterrupted = ["train", pictures, "--model", model, "--epochs", "60", "--threads", "1", "--digest", .. options];
            string[] words = [.. uninterrupted, "--checkpoint", checkpoints, "--checkpoint-every", every];
            var clock = Stopwatch.StartNew();
            string expected = ToolProcess.Run(uninterrupted).Output[^1];
            StringAssert.StartsWith(expected, "digest: ");
            int milliseconds = (int)clock.ElapsedMilliseconds;
            ToolProcess.Outcome? outcome = null;
            for (int after = 0; outcome is null; after++)
            {
                // The first kill comes before the first step, or nearly; the others at any time.
                using Process process = ToolProcess.Start(words);
                if (killed == kills || process.WaitForExit(after == 0 ? random.Next(50, 500) : random.Next(milliseconds / 3, milliseconds)))
                {
                    outcome = ToolProcess.Wait(process);
                    continue;
                }

                process.Kill();
                ToolProcess.Outcome ended = ToolProcess.Wait(process);
                killed++;
                early += Directory.Exists(checkpoints) && Directory.GetFiles(checkpoints, "*.kfac").Length > 0 ? 0 : 1;
                resumed += ended.Output.Any(line => line.StartsWith("goes on from ", StringComparison.Ordinal)) ? 1 : 0;
            }

            Assert.AreEqual(0, outcome.Code, outcome.ToString());
            Assert.AreEqual(expected, outcome.Output[^1], $"{string.Join(' ', words)}: training {number} of seed {seed}");
            Assert.HasCount(1, Directory.GetFiles(_folder.File(""), $"{number}.zip*"), "no orphans");
            finished++;
        }

        TestContext.WriteLine($"{killed} kills, {early} of them before the first checkpoint, {resumed} of trainings that had gone on; {finished} trainings, all with the digest of an uninterrupted one");
    }

    private static void AssertRefuses(string words, params string[] line)
    {
        ToolProcess.Outcome outcome = ToolProcess.Run(line);
        Assert.AreEqual(1, outcome.Code, outcome.ToString());
        Assert.Contains(words, outcome.Errors[0]);
        Assert.Contains("give another --checkpoint folder to train anew", outcome.Errors[0]);
    }

    [DllImport("libc")]
    private static extern int kill(int process, int signal);
}
