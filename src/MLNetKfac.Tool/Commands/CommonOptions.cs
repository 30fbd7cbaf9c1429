using System.CommandLine;
using System.CommandLine.Parsing;

namespace MLNetKfac.Tool.Commands;

/// <summary>Arguments and options that several commands have.</summary>
internal static class CommonOptions
{
    public static Argument<DirectoryInfo> Folder()
    {
        Argument<DirectoryInfo> folder = new("DIR")
        {
            Description = "Folder with a folder of pictures for each class; or with train and test or val folders of that kind; or with IDX files.",
        };
        folder.Validators.Add(result => RequireFolder(result, folder.Name));
        return folder;
    }

    public static Argument<FileInfo> Model()
    {
        Argument<FileInfo> model = new("MODEL") { Description = "The model file that the training saved." };
        model.Validators.Add(result => RequireFile(result, model.Name));
        return model;
    }

    public static Option<bool> Json() => new("--json") { Description = "Write the result as JSON to the output; what is for people goes to the error output." };

    /// <summary>Requires a file that is there.</summary>
    /// <param name="result">The argument or option.</param>
    /// <param name="name">Its name.</param>
    public static void RequireFile(SymbolResult result, string name)
    {
        if (result.Tokens is [{ Value: var path }, ..] && !File.Exists(path))
        {
            result.AddError($"{name} must be a file, but {(Directory.Exists(path) ? $"'{path}' is a folder" : $"there is no '{path}'")}");
        }
    }

    private static void RequireFolder(SymbolResult result, string name)
    {
        if (result.Tokens is [{ Value: var path }, ..] && !Directory.Exists(path))
        {
            result.AddError($"{name} must be a folder, but {(File.Exists(path) ? $"'{path}' is a file" : $"there is no '{path}'")}");
        }
    }
}
