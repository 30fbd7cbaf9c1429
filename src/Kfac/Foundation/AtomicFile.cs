using System.Buffers;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Kfac;

/// <summary>Writes files that are there whole or not at all, whenever the process or the machine stops.</summary>
public static class AtomicFile
{
    private const string Extension = ".tmp";

    private const int UniqueDigits = 32;

    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");

    /// <summary>
    /// Writes to a temporary name beside <paramref name="path"/>, waits for the disk, and gives the new file the name: until then
    /// the old one stays. A symbolic link stays, and what it leads to is written. What an earlier call left behind when its process was killed is deleted first.
    /// </summary>
    /// <param name="path">The file, in a folder that is there.</param>
    /// <param name="write">Writes the content; what it throws leaves the old file as it was.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="IOException">The disk is full, the path is a device or a pipe, or the like; what was there before is still there, and the message names it.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be written to; the message names the file.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(write);
        path = Resolve(path);
        DeleteOrphans(path);
        string temporary = TemporaryName(path);
        try
        {
            // Open until it has its name, so that nobody takes it for an orphan.
            using var stream = new GrowingFile(temporary, FileShare.Delete);
            write(stream);
            stream.FlushToDisk();
            File.Move(temporary, path, overwrite: true);
            DirectoryEntry.Flush(Path.GetDirectoryName(path)!);
        }
        catch (Exception e)
        {
            File.Delete(temporary);
            if (Explain(e, $"{path} was not written{(File.Exists(path) ? ", and is as it was before" : "")}", temporary, path) is { } explained)
            {
                throw explained;
            }

            throw;
        }
    }

    /// <summary>Tries whether <see cref="Write"/> can write to a path, before the work that makes the content. Nothing is left behind.</summary>
    /// <param name="path">The file, in a folder that is there.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="IOException">It is a folder itself, or the like; the message names it.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be written to; the message names the file.</exception>
    public static void RequireWritable(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        path = Resolve(path);
        if (Directory.Exists(path) || Path.EndsInDirectorySeparator(path))
        {
            throw new IOException($"{path} is a folder, but must be a file");
        }

        string temporary = TemporaryName(path);
        try
        {
            new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0, FileOptions.DeleteOnClose).Dispose();
        }
        catch (Exception e) when (Explain(e, $"{path} cannot be written", temporary, path) is { } explained)
        {
            throw explained;
        }
    }

    /// <summary>The file that <paramref name="path"/> leads to through links; never a device or a pipe, whose place a file would take.</summary>
    private static string Resolve(string path)
    {
        path = Path.GetFullPath(path);
        path = new FileInfo(path) is { LinkTarget: not null } link ? link.ResolveLinkTarget(returnFinalTarget: true)!.FullName : path;
        if (new FileInfo(path) is { Exists: true, Length: 0 })
        {
            RequireRegular(path);
        }

        return path;
    }

    private static void RequireRegular(string path)
    {
        try
        {
            using SafeFileHandle file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
            if (!HasLengthToSet(file))
            {
                throw new IOException($"{path} is a device or a pipe, but must be a file");
            }
        }
        catch (UnauthorizedAccessException)
        {
            // A file that may be replaced, but not changed.
        }
    }

    /// <summary>Whether it is a regular file: the length of nothing else can be set. The one that it has is set again.</summary>
    private static bool HasLengthToSet(SafeFileHandle file)
    {
        try
        {
            RandomAccess.SetLength(file, RandomAccess.GetLength(file));
            return true;
        }
        catch (Exception e) when (e is NotSupportedException or IOException)
        {
            return false;
        }
    }

    private static string TemporaryName(string path) => $"{path}.{Guid.NewGuid():N}{Extension}";

    /// <summary>The same kind of exception with a message that names the file instead of its temporary name; null for one that is not about the file.</summary>
    private static Exception? Explain(Exception e, string what, string temporary, string path)
    {
        string message = $"{what}: {e.Message.Replace(temporary, path, StringComparison.Ordinal)}";
        return e is UnauthorizedAccessException ? new UnauthorizedAccessException(message, e)
            : e is PathTooLongException or FileNotFoundException || e.GetType() == typeof(IOException) ? new IOException(message, e)
            : null;
    }

    /// <summary>Deletes temporary files of <paramref name="path"/> that nobody holds open.</summary>
    private static void DeleteOrphans(string path)
    {
        string name = Path.GetFileName(path);
        foreach (string file in Directory.EnumerateFiles(Path.GetDirectoryName(path)!, $"*{Extension}"))
        {
            ReadOnlySpan<char> candidate = Path.GetFileName(file.AsSpan());
            if (candidate.Length == name.Length + 1 + UniqueDigits + Extension.Length && candidate.StartsWith($"{name}.")
                && !candidate.Slice(name.Length + 1, UniqueDigits).ContainsAnyExcept(HexDigits))
            {
                DeleteUnlessOpen(file);
            }
        }
    }

    private static void DeleteUnlessOpen(string file)
    {
        try
        {
            new FileStream(file, FileMode.Open, FileAccess.ReadWrite, FileShare.None, bufferSize: 0, FileOptions.DeleteOnClose).Dispose();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Another process is writing it, or has just given it its name.
        }
    }
}

/// <summary>A directory's entries on disk: without them a renamed file may have its old content after a power failure.</summary>
internal static partial class DirectoryEntry
{
    /// <summary>Waits until the entries of <paramref name="directory"/> are on disk. On Windows there is no such call, and file systems that refuse it are left alone.</summary>
    public static void Flush(string directory)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        int descriptor = Open(directory, flags: 0);
        if (descriptor >= 0)
        {
            _ = FlushDescriptor(descriptor);
            _ = Close(descriptor);
        }
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync")]
    private static partial int FlushDescriptor(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
