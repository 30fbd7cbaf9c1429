using System.Diagnostics;

namespace Kfac.Tests.Foundation;

/// <summary>A file system of a megabyte, mounted on a folder; a test that cannot have one is inconclusive.</summary>
internal sealed class SmallDisk : IDisposable
{
    private readonly string _folder;

    private readonly string _filler;

    public SmallDisk(string folder)
    {
        _folder = folder;
        _filler = Path.Combine(folder, "filler");
        if (!OperatingSystem.IsLinux() || Run("mount", "-t", "tmpfs", "-o", "size=1024k", "tmpfs", folder).ExitCode != 0)
        {
            Assert.Inconclusive("no file system can be mounted here; the test of files that may not grow serves in its place");
        }
    }

    /// <summary>Takes all the room there is.</summary>
    public void Fill()
    {
        using var stream = new FileStream(_filler, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
        Assert.ThrowsExactly<IOException>(() =>
        {
            while (true)
            {
                stream.Write(new byte[1024]);
            }
        });
    }

    /// <summary>Gives it back.</summary>
    public void MakeRoom() => File.Delete(_filler);

    public void Dispose() => Assert.AreEqual(0, Run("umount", _folder).ExitCode);

    public static (int ExitCode, string Output) Run(string command, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(command, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd() + errors.GetAwaiter().GetResult();
        process.WaitForExit();
        return (process.ExitCode, output);
    }
}
