using Kfac;
using Kfac.Parallel;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace MLNetKfac;

/// <summary>How the pictures of a folder become rows. Everything has a default.</summary>
public sealed class ImageFolderOptions
{
    /// <summary>Column of the files' full paths. Default <c>Path</c>.</summary>
    public string PathColumnName = "Path";

    /// <summary>Column of the class names, text. Default <c>Label</c>.</summary>
    public string LabelColumnName = "Label";

    /// <summary>Column of the pictures (<see cref="MLImage"/>), if there is one. Default <c>Image</c>.</summary>
    public string ImageColumnName = "Image";

    /// <summary>Rows and columns in pixels of every image; null, the default, for no column of images.</summary>
    public (int Height, int Width)? ImageSize;

    /// <summary>
    /// How a picture of other proportions gets this size: <c>IsoPad</c> (the default) shows all of it between black borders,
    /// <c>IsoCrop</c> cuts off what protrudes on two sides, <c>Fill</c> distorts it.
    /// </summary>
    public ImageResizingEstimator.ResizingKind Resizing = ImageResizingEstimator.ResizingKind.IsoPad;

    /// <summary>What happens to pictures that are cut off or cannot be read. Default <see cref="UnreadablePictures.LeaveOut"/>.</summary>
    public UnreadablePictures Unreadable;

    /// <summary>
    /// The ranks that share the check of the pictures, such as <c>MpiCommunicator.World</c> of the package Kfac.Mpi, where each has the same
    /// files: all of them must then ask for the number of pictures, their median size, what was left out, or rows, at the same point of the program. Default this process alone.
    /// </summary>
    public Communicator Communicator = Communicator.Solo;

    /// <summary>Told of each picture that was checked or read, on the thread that asked for the rows.</summary>
    public Action<ImageFolderProgress>? ProgressCallback;

    internal ImageFolderOptions Copy() => (ImageFolderOptions)MemberwiseClone();

    internal void Validate()
    {
        Guard.Require(!string.IsNullOrEmpty(PathColumnName), nameof(PathColumnName), PathColumnName, "the name of a column");
        Guard.Require(!string.IsNullOrEmpty(LabelColumnName) && LabelColumnName != PathColumnName, nameof(LabelColumnName), LabelColumnName, $"the name of a column, and another than {nameof(PathColumnName)}");
        Guard.Require(
            !string.IsNullOrEmpty(ImageColumnName) && ImageColumnName != PathColumnName && ImageColumnName != LabelColumnName,
            nameof(ImageColumnName), ImageColumnName, $"the name of a column, and another than {nameof(PathColumnName)} and {nameof(LabelColumnName)}");
        Guard.Require(ImageSize is null or { Height: >= 1, Width: >= 1 }, nameof(ImageSize), ImageSize, "at least 1 row and 1 column");
        Guard.Require(Enum.IsDefined(Resizing), nameof(Resizing), Resizing, "IsoPad, IsoCrop or Fill");
        Guard.Require(Communicator is not null, nameof(Communicator), Communicator, "ranks");
        Guard.Require(Enum.IsDefined(Unreadable), nameof(Unreadable), Unreadable, "LeaveOut or Throw");
    }
}

/// <summary>What happens to pictures that are cut off or cannot be read.</summary>
public enum UnreadablePictures
{
    /// <summary>
    /// They are no rows. Every picture is decoded once when the rows are first asked for, in parallel and JPEG at an eighth
    /// of its size; what cannot be is named in <see cref="ImageFolderDataView.LeftOut"/> and by a warning on the log.
    /// </summary>
    LeaveOut,

    /// <summary>Only the heads of the files are read beforehand; the first such picture that a cursor meets ends it with a <see cref="FormatException"/> that names it.</summary>
    Throw,
}

/// <summary>How far the reading of a folder is.</summary>
/// <param name="IsCheck">Whether pictures are being checked, before any is a row.</param>
/// <param name="Done">Pictures done in this pass.</param>
/// <param name="Count">Pictures in all; of those that ranks share, this one's.</param>
public readonly record struct ImageFolderProgress(bool IsCheck, int Done, int Count);

/// <summary>A file or folder that gives no rows.</summary>
/// <param name="Path">Path within the loaded folder.</param>
/// <param name="Reason">Why, by kind.</param>
/// <param name="Detail">Why, in words.</param>
public sealed record LeftOutFile(string Path, LeftOutReason Reason, string Detail)
{
    /// <summary>Path and reason in words.</summary>
    public override string ToString() => $"{Path}: {Detail}";
}

/// <summary>Why a file or folder gives no rows.</summary>
public enum LeftOutReason
{
    /// <summary>Hidden, or made by an operating system or a tool for itself; a folder counts once.</summary>
    Hidden,

    /// <summary>No picture, by the ending of its name.</summary>
    NotAPicture,

    /// <summary>Beside the class folders instead of in one.</summary>
    OutsideAnyClass,

    /// <summary>A class folder without a picture.</summary>
    EmptyClass,

    /// <summary>A link to a folder that it lies in.</summary>
    CircularLink,

    /// <summary>A picture that is cut off, damaged or may not be read.</summary>
    Unreadable,
}
