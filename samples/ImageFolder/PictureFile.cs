namespace ImageFolder;

/// <summary>A row of the data: where a picture is and what it shows.</summary>
internal sealed class PictureFile
{
    private static readonly EnumerationOptions AnyCase = new() { MatchCasing = MatchCasing.CaseInsensitive };

    public string Path { get; init; } = "";

    /// <summary>Name of the picture's folder; empty where nobody knows.</summary>
    public string Label { get; init; } = "";

    /// <summary>The PNG files of a folder's folders, in the order of their names.</summary>
    /// <exception cref="IOException">There is no such folder, or it has not at least two folders with pictures.</exception>
    public static PictureFile[] ReadFolder(string folder)
    {
        PictureFile[] pictures =
        [
            .. Directory.GetDirectories(folder).Order(StringComparer.Ordinal).SelectMany(
                classFolder => Directory.GetFiles(classFolder, "*.png", AnyCase).Order(StringComparer.Ordinal),
                (classFolder, path) => new PictureFile { Path = path, Label = System.IO.Path.GetFileName(classFolder) }),
        ];
        int classes = pictures.DistinctBy(picture => picture.Label).Count();
        return classes >= 2
            ? pictures
            : throw new IOException($"{folder} must have at least two folders with PNG pictures, one for each class, but has {classes}");
    }
}

/// <summary>What the model makes of a picture.</summary>
internal sealed class ClassifiedPicture
{
    /// <summary>What the network saw of it: [C, H, W] pixels 0 … 255, red before green before blue.</summary>
    public float[] Features { get; set; } = [];

    /// <summary>A probability for each class.</summary>
    public float[] Score { get; set; } = [];
}
