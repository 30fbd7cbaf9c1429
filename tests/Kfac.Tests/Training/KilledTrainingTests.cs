using System.Diagnostics;
using Kfac.Models;

namespace Kfac.Tests.Training;

/// <summary>A process that is killed at random moments, again and again, comes to the end that it would have come to.</summary>
[TestClass]
public sealed class KilledTrainingTests
{
    private static readonly string[] Trainings = ["diagonal", "kronecker", "ekfac", "full", "sampled", "adam", "sgd", "muon"];

    private readonly string _folder = Directory.CreateTempSubdirectory().FullName;

    public TestContext TestContext { get; set; } = null!;

    [TestCleanup]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    public void Trainings_killed_five_times_end_with_the_same_digest() => KillTrainings(["kronecker"], kills: 5, seed: 1);

    [TestMethod]
    [TestCategory("Kill")]
    public void Trainings_killed_two_hundred_times_end_with_the_same_digest() => KillTrainings(Trainings, kills: 200, seed: 2);

    [TestMethod]
    public void A_file_is_whole_after_five_kills() => KillSaving(kills: 5, seed: 3);

    [TestMethod]
    [TestCategory("Kill")]
    public void A_file_is_whole_after_two_hundred_kills() => KillSaving(kills: 200, seed: 4);

    /// <summary>Goes through the trainings until there were so many kills, and ends the one at work.</summary>
    private void KillTrainings(string[] names, int kills, int seed)
    {
        var random = new Random(seed);
        int killed = 0, orphans = 0, finished = 0;
        for (int number = 0; killed < kills; number++)
        {
            string name = names[number % names.Length], folder = Path.Combine(_folder, $"{number}");
            var clock = Stopwatch.StartNew();
            string expected = RunToEnd("train", name);
            int milliseconds = (int)clock.ElapsedMilliseconds;
            string? digest = null;
            for (int after = 0; digest is null; after++)
            {
                // Late enough, now and then, for a step to be taken.
                using Process process = Start("train", name, folder);
                if (killed == kills || process.WaitForExit(random.Next(milliseconds / 4, milliseconds + 10 * after)))
                {
                    digest = DigestOf(process);
                    continue;
                }

                process.Kill();
                process.WaitForExit();
                killed++;
                orphans += Directory.Exists(folder) && Directory.GetFiles(folder, "*.tmp").Length > 0 ? 1 : 0;
            }

            Assert.AreEqual(expected, digest, $"training '{name}', number {number} of seed {seed}");
            Assert.IsEmpty(Directory.GetFiles(folder, "*.tmp"), "orphans");
            Assert.IsLessThanOrEqualTo(2, Directory.GetFiles(folder).Length);
            finished++;
        }

        TestContext.WriteLine($"{killed} kills, {orphans} of them while a checkpoint was written; {finished} trainings, all with the digest of an uninterrupted one");
    }

    private void KillSaving(int kills, int seed)
    {
        var random = new Random(seed);
        string file = Path.Combine(_folder, "model");
        int orphans = 0;
        for (int killed = 0; killed < kills; killed++)
        {
            using Process process = Start("save", file);
            while (killed == 0 && !File.Exists(file))
            {
                Assert.IsFalse(process.WaitForExit(10), "it saves for ever");
            }

            Assert.IsFalse(process.WaitForExit(random.Next(200, 1500)), "it saves for ever");
            process.Kill();
            process.WaitForExit();
            orphans += Directory.GetFiles(_folder).Length > 1 ? 1 : 0;
            using FileStream stream = File.OpenRead(file);
            Assert.IsTrue(ImageClassifier.Load(stream).HasOptimizerState);
        }

        using (FileStream stream = File.OpenRead(file))
        {
            ImageClassifier.Load(stream).Save(file + "2");
        }

        AtomicFile.Write(file, stream => stream.WriteByte(1));
        Assert.HasCount(2, Directory.GetFiles(_folder), "no orphan is left after the next save");
        TestContext.WriteLine($"{kills} kills, {orphans} of them while the file was written; whole every time");
    }

    private static Process Start(params string[] arguments)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!.EndsWith("dotnet", StringComparison.Ordinal) ? Environment.ProcessPath : "dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string argument in (string[])[Path.Combine(AppContext.BaseDirectory, "Kfac.Killable.dll"), .. arguments])
        {
            start.ArgumentList.Add(argument);
        }

        return Process.Start(start)!;
    }

    private static string RunToEnd(params string[] arguments)
    {
        using Process process = Start(arguments);
        return DigestOf(process);
    }

    private static string DigestOf(Process process)
    {
        string output = process.StandardOutput.ReadToEnd(), errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.AreEqual(0, process.ExitCode, errors);
        StringAssert.Matches(output, new System.Text.RegularExpressions.Regex("^digest: [0-9a-f]{64}\\s*$"));
        return output;
    }
}
