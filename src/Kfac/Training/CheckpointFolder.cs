using System.Globalization;

namespace Kfac.Training;

/// <summary>The checkpoints of one training: numbered files in a folder, of which the last two are kept. One training at a time uses it.</summary>
internal sealed class CheckpointFolder : IDisposable
{
    private const string Prefix = "checkpoint-", Extension = ".kfac";

    private const int Kept = 2;

    private readonly string _folder;
    private readonly Action<string> _warn;
    private readonly FileStream _lock;

    /// <summary>Opens the folder, and makes it where there is none.</summary>
    /// <param name="folder">Its path.</param>
    /// <param name="warn">Told in a sentence what went wrong and was helped.</param>
    /// <exception cref="IOException">Another training uses it, or it cannot be made.</exception>
    public CheckpointFolder(string folder, Action<string> warn)
    {
        _folder = Path.GetFullPath(folder);
        _warn = warn;
        string lockFile = Path.Combine(_folder, "in-use");
        try
        {
            Directory.CreateDirectory(_folder);
            _lock = new FileStream(lockFile, FileMode.OpenOrCreate, FileAccess.Write, FileShare.None, bufferSize: 0, FileOptions.DeleteOnClose);
        }
        catch (IOException e)
        {
            string what = File.Exists(lockFile) ? "is used by another training" : File.Exists(_folder) ? "is a file, but must be a folder" : $"cannot be used: {e.Message}";
            throw new IOException($"{nameof(TrainingOptions.CheckpointPath)} {_folder} {what}", e);
        }
    }

    /// <summary>The newest checkpoint that is whole, and its path; null where there has never been one.</summary>
    /// <exception cref="InvalidDataException">There are some, but none is whole.</exception>
    public (Checkpoint Checkpoint, string Path)? ReadNewest()
    {
        (int Number, string Path)[] files = List();
        foreach ((int _, string path) in files.Reverse())
        {
            try
            {
                using FileStream stream = File.OpenRead(path);
                return (Checkpoint.Read(stream), path);
            }
            catch (Exception e) when (e is FormatException or IOException)
            {
                _warn($"{path} cannot be used{(path == files[0].Path ? "" : ", the one before it is taken")}: {e.Message}");
            }
        }

        return files.Length == 0
            ? null
            : throw new InvalidDataException($"none of the {files.Length} checkpoints in {_folder} can be read: delete them to train from the start");
    }

    /// <summary>Writes a checkpoint and deletes those before the last two. A full disk, or the like, is a warning: the training goes on, and older checkpoints stay.</summary>
    public void Write(Checkpoint checkpoint)
    {
        try
        {
            (int Number, string Path)[] files = List();
            int number = files.Length == 0 ? 1 : files[^1].Number + 1;
            AtomicFile.Write(Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $"{Prefix}{number:D9}{Extension}")), checkpoint.Write);
            foreach ((int _, string path) in files.SkipLast(Kept - 1))
            {
                File.Delete(path);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _warn($"no checkpoint was written to {_folder}: {e.Message}");
        }
    }

    public void Dispose() => _lock.Dispose();

    /// <summary>The checkpoints in the folder, oldest first.</summary>
    private (int Number, string Path)[] List() =>
    [
        .. from path in Directory.EnumerateFiles(_folder, $"{Prefix}*{Extension}")
           let number = NumberOf(Path.GetFileNameWithoutExtension(path))
           where number > 0
           orderby number
           select (number, path),
    ];

    private static int NumberOf(string name) =>
        int.TryParse(name.AsSpan(Prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : 0;
}
