using System.CommandLine;
using System.CommandLine.Parsing;
using Kfac;

namespace MLNetKfac.Tool.Commands;

/// <summary>The files that a command writes.</summary>
internal static class OutputFile
{
    /// <summary>Makes the folder of a file and tries whether the file can be written, before the work that makes its content.</summary>
    /// <param name="option">The option or argument that names the file.</param>
    /// <param name="path">The file; null for none.</param>
    /// <exception cref="IOException">It cannot be; the message names option and file.</exception>
    public static void Require(string option, string? path)
    {
        if (path is not null)
        {
            RequireFolder(option, Path.GetDirectoryName(path) ?? path);
            Try(option, () => AtomicFile.RequireWritable(path));
        }
    }

    /// <summary>Makes a folder that files are to be written to.</summary>
    /// <param name="option">The option or argument that names it, or a file in it.</param>
    /// <param name="path">The folder; null for none.</param>
    /// <exception cref="IOException">It cannot be made; the message names option and folder.</exception>
    public static void RequireFolder(string option, string? path)
    {
        for (string? folder = path; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(folder))
            {
                throw new IOException($"{option}: '{folder}' is a file, but must be a folder");
            }
        }

        if (path is not null)
        {
            Try(option, () => Directory.CreateDirectory(path));
        }
    }

    private static void Try(string option, Action write)
    {
        try
        {
            write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"{option}: {e.Message}", e);
        }
    }

    /// <summary>Refuses a command line in which two options or arguments name the same file: the second to be written would destroy the first.</summary>
    /// <param name="result">The command line; gets the error.</param>
    /// <param name="symbols">The options and arguments.</param>
    public static void RequireDistinct(CommandResult result, params Symbol[] symbols)
    {
        IEnumerable<IGrouping<string, string>> same =
            from symbol in symbols
            let tokens = symbol is Option option ? result.GetResult(option)?.Tokens : result.GetResult((Argument)symbol)?.Tokens
            where tokens is [{ Value.Length: > 0 }]
            group symbol.Name by Path.TrimEndingDirectorySeparator(Path.GetFullPath(tokens[0].Value)) into names
            where names.Count() > 1
            select names;
        foreach (IGrouping<string, string> names in same)
        {
            result.AddError($"{string.Join(" and ", names)} must be different files, but are both '{names.Key}'");
        }
    }
}
