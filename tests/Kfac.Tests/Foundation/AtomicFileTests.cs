using System.Diagnostics;

namespace Kfac.Tests.Foundation;

/// <summary>A file that is there whole or not at all, and leaves nothing behind.</summary>
[TestClass]
public sealed class AtomicFileTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory().FullName;

    private string Target => Path.Combine(_folder, "model.zip");

    [TestCleanup]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    public void The_new_file_takes_the_place_of_the_old_one()
    {
        Write([1, 2, 3]);
        Write([4]);

        CollectionAssert.AreEqual((byte[])[4], File.ReadAllBytes(Target));
        Assert.HasCount(1, Directory.GetFiles(_folder));
    }

    [TestMethod]
    public void A_full_disk_leaves_the_old_file_and_nothing_else()
    {
        Write([1, 2, 3]);

        Assert.ThrowsExactly<IOException>(() => AtomicFile.Write(Target, stream =>
        {
            stream.Write(new byte[100_000]);
            throw new IOException("No space left on device");
        }));

        CollectionAssert.AreEqual((byte[])[1, 2, 3], File.ReadAllBytes(Target));
        Assert.HasCount(1, Directory.GetFiles(_folder));
    }

    [TestMethod]
    public void What_a_killed_process_left_behind_is_deleted_and_nothing_else()
    {
        string orphan = Temporary("model.zip"), others = Temporary("other.zip"), mine = Path.Combine(_folder, "model.zip.backup.tmp");
        foreach (string file in (string[])[orphan, others, mine])
        {
            File.WriteAllText(file, "half");
        }

        Write([1]);

        Assert.IsFalse(File.Exists(orphan));
        Assert.IsTrue(File.Exists(others) && File.Exists(mine) && File.Exists(Target));
    }

    [TestMethod]
    [OSCondition(ConditionMode.Exclude, OperatingSystems.Windows)]
    public void A_link_stays_and_what_it_leads_to_is_written()
    {
        string elsewhere = Path.Combine(Directory.CreateDirectory(Path.Combine(_folder, "elsewhere")).FullName, "target.zip");
        File.CreateSymbolicLink(Path.Combine(_folder, "first"), elsewhere);
        File.CreateSymbolicLink(Target, "first");
        foreach (byte content in (byte[])[1, 2])
        {
            AtomicFile.RequireWritable(Target);
            Write([content]);

            Assert.AreEqual("first", new FileInfo(Target).LinkTarget);
            CollectionAssert.AreEqual((byte[])[content], File.ReadAllBytes(elsewhere));
        }

        Assert.HasCount(1, Directory.GetFiles(Path.GetDirectoryName(elsewhere)!));
    }

    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    public void A_pipe_is_refused_and_stays()
    {
        Process.Start("mkfifo", [Target]).WaitForExit();

        foreach (Action write in (Action[])[() => AtomicFile.RequireWritable(Target), () => Write([1])])
        {
            Assert.AreEqual($"{Target} is a device or a pipe, but must be a file", Assert.ThrowsExactly<IOException>(write).Message);
        }

        Assert.HasCount(1, Directory.GetFiles(_folder));
        Assert.AreEqual(0, new FileInfo(Target).Length);
    }

    [TestMethod]
    public void An_empty_file_is_replaced()
    {
        File.WriteAllBytes(Target, []);
        AtomicFile.RequireWritable(Target);
        Write([1]);

        CollectionAssert.AreEqual((byte[])[1], File.ReadAllBytes(Target));
    }

    [TestMethod]
    public void What_somebody_is_writing_stays()
    {
        AtomicFile.Write(Target, outer =>
        {
            outer.WriteByte(1);
            Write([2]);
            CollectionAssert.AreEqual((byte[])[2], File.ReadAllBytes(Target));
        });

        CollectionAssert.AreEqual((byte[])[1], File.ReadAllBytes(Target));
    }

    [TestMethod]
    public void A_missing_folder_is_named() =>
        StringAssert.Contains(Assert.ThrowsExactly<DirectoryNotFoundException>(() => AtomicFile.Write(Path.Combine(_folder, "absent", "a"), _ => { })).Message, "absent");

    [TestMethod]
    public void A_folder_in_the_place_of_the_file_is_found_by_the_trial_and_by_the_writing()
    {
        Directory.CreateDirectory(Target);

        Assert.AreEqual($"{Target} is a folder, but must be a file", Assert.ThrowsExactly<IOException>(() => AtomicFile.RequireWritable(Target)).Message);
        Exception refusal = Assert.Throws<Exception>(() => Write([1]));
        Assert.StartsWith($"{Target} was not written", refusal.Message);
        Assert.DoesNotContain(".tmp", refusal.Message);
        Assert.IsEmpty(Directory.GetFiles(_folder));
    }

    [TestMethod]
    public void A_trial_leaves_nothing_behind()
    {
        AtomicFile.RequireWritable(Target);
        Write([1]);
        AtomicFile.RequireWritable(Target);

        CollectionAssert.AreEqual((byte[])[1], File.ReadAllBytes(Target));
        Assert.HasCount(1, Directory.GetFiles(_folder));
    }

    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    public void A_folder_that_may_not_be_written_to_is_refused_by_the_name_of_the_file()
    {
        const string Forbidden = "/sys/model.zip";

        Exception trial = Assert.Throws<Exception>(() => AtomicFile.RequireWritable(Forbidden));
        Exception refusal = Assert.Throws<Exception>(() => AtomicFile.Write(Forbidden, _ => { }));

        Assert.IsTrue(trial is IOException or UnauthorizedAccessException, $"{trial}");
        Assert.StartsWith($"{Forbidden} cannot be written: ", trial.Message);
        Assert.StartsWith($"{Forbidden} was not written", refusal.Message);
        Assert.DoesNotContain(".tmp", trial.Message + refusal.Message);
    }

    private string Temporary(string name) => Path.Combine(_folder, $"{name}.{new string('a', 32)}.tmp");

    private void Write(byte[] bytes) => AtomicFile.Write(Target, stream => stream.Write(bytes));
}
