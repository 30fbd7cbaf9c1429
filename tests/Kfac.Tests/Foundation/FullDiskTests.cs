using Kfac.Killable;

namespace Kfac.Tests.Foundation;

/// <summary>On a disk that is really full, and where a file may not grow, the old file stays whole, and nothing else does.</summary>
[TestClass]
public sealed class FullDiskTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory().FullName;

    [TestCleanup]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DataRow("model", "model.kfac")]
    [DataRow("onnx", "model.onnx")]
    [DataRow("checkpoint", "checkpoints")]
    public void A_full_disk_leaves_the_old_file_whole(string kind, string name)
    {
        using var disk = new SmallDisk(_folder);
        string path = Path.Combine(_folder, name);
        Assert.IsNull(FileWriting.TryWrite(kind, path));
        (string file, byte[] old) = Newest(path);
        Rewind(path);
        disk.Fill();

        string said = FileWriting.TryWrite(kind, path)!;

        StringAssert.Contains(said, "No space left on device");
        RequireWhole(path, file, old, said);

        disk.MakeRoom();
        Assert.IsNull(FileWriting.TryWrite(kind, path));
        Assert.IsFalse(Directory.EnumerateFiles(_folder, "*.tmp", SearchOption.AllDirectories).Any());
    }

    [TestMethod]
    [DataRow("model", "model.kfac")]
    [DataRow("onnx", "model.onnx")]
    [DataRow("checkpoint", "checkpoints")]
    public void A_file_that_may_not_grow_leaves_the_old_file_whole(string kind, string name)
    {
        if (!OperatingSystem.IsLinux())
        {
            Assert.Inconclusive("the limit of a file's size is set as on Linux");
        }

        string path = Path.Combine(_folder, name), killable = Path.Combine(AppContext.BaseDirectory, "Kfac.Killable.dll");
        Assert.IsNull(FileWriting.TryWrite(kind, path));
        (string file, byte[] old) = Newest(path);
        Rewind(path);

        // 4 KiB, or 8: less than any of the files. The runtime itself maps its code through a file, unless told not to.
        (int exitCode, string said) = SmallDisk.Run("sh", "-c", "ulimit -f 8; trap '' XFSZ; export DOTNET_EnableWriteXorExecute=0; exec \"$@\"", "sh", "dotnet", killable, "write", kind, path);

        Assert.AreEqual(0, exitCode, said);
        StringAssert.Contains(said, "the file may not grow further");
        RequireWhole(path, file, old, said);
        Assert.IsNull(FileWriting.TryWrite(kind, path));
        Assert.IsFalse(Directory.EnumerateFiles(_folder, "*.tmp", SearchOption.AllDirectories).Any());
    }

    private static void RequireWhole(string path, string file, byte[] old, string said)
    {
        StringAssert.Contains(said, File.Exists(path) ? path : Path.Combine(path, "checkpoint-000000002.kfac"));
        CollectionAssert.AreEqual(old, File.ReadAllBytes(file));
        Assert.IsFalse(Directory.EnumerateFiles(Path.GetDirectoryName(path)!, "*.tmp", SearchOption.AllDirectories).Any(), "orphans");
    }

    /// <summary>Takes the last checkpoint away, so that the training goes on from the one before it, and has one to write.</summary>
    private static void Rewind(string path)
    {
        if (Directory.Exists(path))
        {
            File.Delete(Directory.GetFiles(path).Max()!);
        }
    }

    /// <summary>What is to stay: the file, or the first of two checkpoints.</summary>
    private static (string File, byte[] Content) Newest(string path)
    {
        string file = File.Exists(path) ? path : Directory.GetFiles(path).Min()!;
        return (file, File.ReadAllBytes(file));
    }
}
