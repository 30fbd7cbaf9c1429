namespace MLNetKfac.Pictures;

/// <summary>A picture file and the number of its class.</summary>
internal readonly record struct PictureFile(string Path, int Class);

/// <summary>The pictures of a folder's class folders by the names of the files alone, and what else there is.</summary>
/// <param name="ClassNames">Names of the class folders that have pictures, in ordinal order.</param>
/// <param name="Files">Their pictures, class by class, in ordinal order; of a folder first the files, then the sub-folders.</param>
/// <param name="LeftOut">What gives no rows.</param>
internal sealed record FolderListing(IReadOnlyList<string> ClassNames, IReadOnlyList<PictureFile> Files, IReadOnlyList<LeftOutFile> LeftOut)
{
    /// <summary>Names that systems and tools give to files and folders of their own, where they do not begin with a dot.</summary>
    private static readonly HashSet<string> SystemNames = new(StringComparer.OrdinalIgnoreCase)
    {
        "__MACOSX", "Thumbs.db", "ehthumbs.db", "desktop.ini", "$RECYCLE.BIN", "System Volume Information", "@eaDir", "lost+found",
    };

    /// <summary>Walks through a folder.</summary>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="InvalidDataException">There is no class folder with a picture.</exception>
    public static FolderListing Of(string folder)
    {
        var root = new DirectoryInfo(folder);
        if (!root.Exists)
        {
            throw new DirectoryNotFoundException($"there is no folder '{root.FullName}'");
        }

        var walk = new Walk(root);
        return walk.ClassNames.Count > 0
            ? new FolderListing(walk.ClassNames, walk.Files, walk.LeftOut)
            : throw new InvalidDataException($"'{root.FullName}' must have a folder for each class with its pictures (JPEG, PNG, BMP, GIF, WebP), but {walk.Found()}");
    }

    private sealed class Walk
    {
        private readonly DirectoryInfo _root;

        public Walk(DirectoryInfo root)
        {
            _root = root;
            foreach (FileInfo file in Visible(root.GetFiles()))
            {
                LeaveOut(file, LeftOutReason.OutsideAnyClass, "it lies beside the class folders");
            }

            foreach (DirectoryInfo folder in Visible(root.GetDirectories()))
            {
                int before = Files.Count;
                Visit(folder, ClassNames.Count, [LinkTarget(root) ?? root.FullName]);
                if (Files.Count > before)
                {
                    ClassNames.Add(folder.Name);
                }
                else
                {
                    LeaveOut(folder, LeftOutReason.EmptyClass, "the folder has no picture");
                }
            }
        }

        public List<string> ClassNames { get; } = [];

        public List<PictureFile> Files { get; } = [];

        public List<LeftOutFile> LeftOut { get; } = [];

        /// <summary>What there is instead of class folders, in words.</summary>
        public string Found()
        {
            int pictures = LeftOut.Count(file => file.Reason == LeftOutReason.OutsideAnyClass && PictureDecoder.IsPictureName(file.Path));
            return pictures == 1 ? "its only picture lies in no folder" : pictures > 1 ? $"its {pictures} pictures lie side by side in it" : LeftOut.Count > 0 ? $"has only {string.Join(", ", LeftOut.Take(5).Select(file => file.Path))}{(LeftOut.Count > 5 ? ", …" : "")}" : "is empty";
        }

        /// <param name="folder">A folder of a class.</param>
        /// <param name="class">Number of the class.</param>
        /// <param name="above">Where the folders that it lies in really are: links may lead in a circle.</param>
        private void Visit(DirectoryInfo folder, int @class, string[] above)
        {
            string here = LinkTarget(folder) ?? Path.Combine(above[^1], folder.Name);
            if (above.Any(outer => outer == here || outer.StartsWith(Path.TrimEndingDirectorySeparator(here) + Path.DirectorySeparatorChar, StringComparison.Ordinal)))
            {
                LeaveOut(folder, LeftOutReason.CircularLink, "it is a link to a folder that it lies in");
                return;
            }

            foreach (FileInfo file in Visible(folder.GetFiles()))
            {
                if (PictureDecoder.IsPictureName(file.Name))
                {
                    Files.Add(new PictureFile(file.FullName, @class));
                }
                else
                {
                    LeaveOut(file, LeftOutReason.NotAPicture, $"a file of type '{file.Extension}' is not read");
                }
            }

            foreach (DirectoryInfo inner in Visible(folder.GetDirectories()))
            {
                Visit(inner, @class, [.. above, here]);
            }
        }

        private IEnumerable<T> Visible<T>(IEnumerable<T> entries)
            where T : FileSystemInfo
        {
            foreach (T entry in entries.OrderBy(entry => entry.Name, StringComparer.Ordinal))
            {
                if (entry.Name.StartsWith('.') || SystemNames.Contains(entry.Name) || (entry.Attributes & (FileAttributes.Hidden | FileAttributes.System)) != 0)
                {
                    LeaveOut(entry, LeftOutReason.Hidden, "hidden, or a system's own");
                }
                else
                {
                    yield return entry;
                }
            }
        }

        private void LeaveOut(FileSystemInfo entry, LeftOutReason reason, string detail) =>
            LeftOut.Add(new LeftOutFile(Path.GetRelativePath(_root.FullName, entry.FullName), reason, detail));

        private static string? LinkTarget(DirectoryInfo folder) => folder.ResolveLinkTarget(returnFinalTarget: true)?.FullName;
    }
}
