using System.CommandLine;

namespace MLNetKfac.Tool.Commands;

/// <summary>Arguments and options that several commands have.</summary>
internal static class CommonOptions
{
    public static Argument<DirectoryInfo> Folder() => new Argument<DirectoryInfo>("DIR")
    {
        Description = "Folder with a folder of pictures for each class; or with train and test folders of that kind; or with IDX files.",
    }.AcceptExistingOnly();

    public static Argument<FileInfo> Model() => new Argument<FileInfo>("MODEL") { Description = "The model file that the training saved." }.AcceptExistingOnly();

    public static Option<bool> Json() => new("--json") { Description = "Write the result as JSON to the output; what is for people goes to the error output." };
}
