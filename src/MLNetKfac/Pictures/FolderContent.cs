using Microsoft.ML.Runtime;

namespace MLNetKfac.Pictures;

/// <summary>A folder's pictures after a look at each of them.</summary>
/// <param name="Files">The pictures that are rows.</param>
/// <param name="Sizes">Their upright sizes, 0 x 0 of an unreadable one.</param>
/// <param name="LeftOut">What gives no rows.</param>
internal sealed record FolderContent(IReadOnlyList<PictureFile> Files, IReadOnlyList<PictureSize> Sizes, IReadOnlyList<LeftOutFile> LeftOut)
{
    private const int MaxNamed = 10;

    /// <summary>Medians of rows and columns.</summary>
    public (int Height, int Width) MedianSize
    {
        get
        {
            PictureSize[] known = [.. Sizes.Where(size => size != default)];
            return known.Length > 0
                ? (Median(known.Select(size => size.Height)), Median(known.Select(size => size.Width)))
                : throw new InvalidDataException("there is no picture that can be read");

            int Median(IEnumerable<int> values) => values.Order().ElementAt(known.Length / 2);
        }
    }

    /// <summary>Looks at the pictures, and tells the log about them.</summary>
    /// <exception cref="InvalidDataException">None of them can be read.</exception>
    /// <exception cref="Kfac.Parallel.CommunicatorException">Another rank failed, or has other files.</exception>
    public static FolderContent Find(IHost host, string folder, FolderListing listing, ImageFolderOptions options)
    {
        bool leavesOut = options.Unreadable == UnreadablePictures.LeaveOut;
        int count = listing.Files.Count;
        FolderCheck.Finding[] findings = FolderCheck.Run(
            listing.Files, leavesOut, options.Communicator, (done, all) => options.ProgressCallback?.Invoke(new ImageFolderProgress(IsCheck: true, done, all)));
        ILookup<bool, int> rows = Enumerable.Range(0, count).ToLookup(row => leavesOut && findings[row].Damage is not null);
        LeftOutFile[] unreadable = [.. rows[true].Select(row => new LeftOutFile(Path.GetRelativePath(folder, listing.Files[row].Path), LeftOutReason.Unreadable, findings[row].Damage!))];
        if (unreadable.Length == count)
        {
            throw new InvalidDataException($"'{folder}' has no picture that can be read: {Name(unreadable.Select(file => file.ToString()))}");
        }

        var content = new FolderContent([.. rows[false].Select(row => listing.Files[row])], [.. rows[false].Select(row => findings[row].Size)], [.. listing.LeftOut, .. unreadable]);
        using IChannel channel = host.Start("Pictures");
        channel.Info(MessageSensitivity.UserData, $"{content.Describe(listing.ClassNames.Count)}, {folder}");
        foreach (string omission in content.Omissions())
        {
            channel.Warning(MessageSensitivity.UserData, omission);
        }

        return content;
    }

    /// <summary>Some of the pictures, without a word on what was left out.</summary>
    public FolderContent Take(int[] rows) => new([.. rows.Select(row => Files[row])], [.. rows.Select(row => Sizes[row])], []);

    /// <summary>Numbers of pictures and classes, in words.</summary>
    public string Describe(int classes) => $"{Files.Count} {(Files.Count == 1 ? "picture" : "pictures")} in {classes} {(classes == 1 ? "class" : "classes")}";

    /// <summary>A sentence for each reason to leave something out.</summary>
    public IEnumerable<string> Omissions() => LeftOut.GroupBy(file => file.Reason).Select(files => files.Key switch
    {
        LeftOutReason.Hidden => Sentence(files, "hidden or system file or folder", "hidden or system files or folders"),
        LeftOutReason.NotAPicture => Sentence(files, "file of another type", "files of other types"),
        LeftOutReason.OutsideAnyClass => Sentence(files, "file beside the class folders", "files beside the class folders"),
        LeftOutReason.EmptyClass => Sentence(files, "folder without pictures", "folders without pictures"),
        LeftOutReason.CircularLink => Sentence(files, "link to a folder that it lies in", "links to folders that they lie in"),
        _ => Sentence(files, "unreadable picture", "unreadable pictures"),
    });

    /// <summary>The first few of some names.</summary>
    public static string Name(IEnumerable<string> names) => string.Join(", ", names.Take(MaxNamed)) + (names.Count() > MaxNamed ? ", …" : "");

    private static string Sentence(IGrouping<LeftOutReason, LeftOutFile> files, string one, string several) =>
        $"left out: {files.Count()} {(files.Count() == 1 ? one : several)}: {Name(files.Select(file => file.Reason == LeftOutReason.Unreadable ? $"{file.Path} ({file.Detail})" : file.Path))}";
}
