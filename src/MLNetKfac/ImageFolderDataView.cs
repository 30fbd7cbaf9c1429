using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms.Image;
using MLNetKfac.Columns;
using MLNetKfac.Pictures;

namespace MLNetKfac;

/// <summary>
/// The pictures of a folder as rows: <c>Path</c>, <c>Label</c> and, where a size was asked for, <c>Image</c>. Made by
/// <c>mlContext.Data.LoadImagesFromFolder(...)</c>.
/// </summary>
/// <remarks>
/// Rows come in the same order each time. (ML.NET's <c>ShuffleRows</c> drops columns of images; the trainer shuffles by
/// itself.) A cursor that reads images decodes
/// them on several threads and holds two for each processor at most; to set pictures apart, <see cref="Split"/> is better than
/// a filter, which would decode all of them.
/// </remarks>
public sealed class ImageFolderDataView : IDataView
{
    internal const int PathIndex = 0, LabelIndex = 1, ImageIndex = 2;

    private readonly ImageFolderOptions _options;
    private readonly LazyFolderContent _content;

    private ImageFolderDataView(string folder, ImageFolderOptions options, (int Height, int Width)? imageSize, IReadOnlyList<string> classNames, LazyFolderContent content)
    {
        _options = options;
        _content = content;
        Folder = folder;
        ClassNames = classNames;
        ImageSize = imageSize;
        Frame = imageSize is (int height, int width) ? new Frame(height, width, options.Resizing) : default;
        Schema = CreateSchema(options, imageSize);
    }

    /// <summary>The folder's full path.</summary>
    public string Folder { get; }

    /// <summary>Names of the class folders that have pictures, in ordinal order.</summary>
    public IReadOnlyList<string> ClassNames { get; }

    /// <summary>Number of readable pictures. The first use of it checks all pictures.</summary>
    public int Count => Files.Count;

    /// <summary>Number of pictures of each class.</summary>
    public IReadOnlyList<int> ClassCounts
    {
        get
        {
            var counts = new int[ClassNames.Count];
            foreach (PictureFile file in Files)
            {
                counts[file.Class]++;
            }

            return counts;
        }
    }

    /// <summary>
    /// Files that give no rows: first those left out by their names, then unreadable pictures. Empty for the parts of a <see cref="Split"/>.
    /// </summary>
    public IReadOnlyList<LeftOutFile> LeftOut => _content.Value.LeftOut;

    /// <summary>Rows and columns in pixels of every image; null where there is no column of images.</summary>
    public (int Height, int Width)? ImageSize { get; }

    /// <summary>Medians of the upright pictures' rows and columns in pixels.</summary>
    public (int Height, int Width) MedianSize => _content.Value.MedianSize;

    /// <inheritdoc/>
    public DataViewSchema Schema { get; }

    /// <inheritdoc/>
    public bool CanShuffle => true;

    internal IReadOnlyList<PictureFile> Files => _content.Value.Files;

    internal Frame Frame { get; }

    internal static ImageFolderDataView Open(IHostEnvironment environment, string path, ImageFolderOptions options)
    {
        string folder = Path.GetFullPath(path);
        FolderListing listing = FolderListing.Of(folder);
        IHost host = environment.Register(nameof(ImageFolderDataView));
        ImageFolderOptions own = options.Copy();
        return new ImageFolderDataView(folder, own, own.ImageSize, listing.ClassNames, new LazyFolderContent(() => FolderContent.Find(host, folder, listing, own)));
    }

    /// <summary>The same rows with images of this size, which may be chosen by <see cref="MedianSize"/>; nothing is checked again.</summary>
    /// <param name="height">Rows of every image, at least 1.</param>
    /// <param name="width">Columns of every image, at least 1.</param>
    public ImageFolderDataView WithImageSize(int height, int width)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        return new ImageFolderDataView(Folder, _options, (height, width), ClassNames, _content);
    }

    /// <summary>
    /// Sets a share of each class's pictures apart, at random but the same for the same seed; at least one of each class on
    /// either side. Both parts keep the order of the rows.
    /// </summary>
    /// <param name="testFraction">Share to set apart, in (0, 1); rounded within each class.</param>
    /// <param name="seed">Seed of the choice.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="testFraction"/> is not in (0, 1).</exception>
    /// <exception cref="InvalidDataException">A class has a single picture; the message names it.</exception>
    public (ImageFolderDataView Training, ImageFolderDataView Test) Split(double testFraction, int seed)
    {
        if (!(testFraction is > 0 and < 1))
        {
            throw new ArgumentOutOfRangeException(nameof(testFraction), testFraction, "the fraction must be above 0 and below 1");
        }

        string[] single = [.. ClassNames.Zip(ClassCounts).Where(pair => pair.Second < 2).Select(pair => pair.First)];
        if (single.Length > 0)
        {
            throw new InvalidDataException($"a split needs at least two readable pictures of each class, but of {FolderContent.Name(single.Select(name => $"'{name}'"))} in '{Folder}' there are fewer: add pictures, or leave the class out");
        }

        var random = new Random(seed);
        var apart = new HashSet<int>();
        foreach (IGrouping<int, int> members in Enumerable.Range(0, Count).GroupBy(row => Files[row].Class))
        {
            int[] rows = [.. members];
            random.Shuffle(rows);
            apart.UnionWith(rows.Take(Math.Clamp((int)Math.Round(testFraction * rows.Length), 1, rows.Length - 1)));
        }

        return (Part(row => !apart.Contains(row)), Part(apart.Contains));

        ImageFolderDataView Part(Func<int, bool> takes)
        {
            FolderContent part = _content.Value.Take([.. Enumerable.Range(0, Count).Where(takes)]);
            return new ImageFolderDataView(Folder, _options, ImageSize, ClassNames, new LazyFolderContent(() => part));
        }
    }

    /// <inheritdoc/>
    public long? GetRowCount() => Count;

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">A column is of another schema.</exception>
    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
    {
        ArgumentNullException.ThrowIfNull(columnsNeeded);
        var active = new bool[Schema.Count];
        foreach (DataViewSchema.Column column in columnsNeeded)
        {
            active[Schema.RequireOwn(column)] = true;
        }

        int[]? order = null;
        if (rand is not null)
        {
            order = [.. Enumerable.Range(0, Count)];
            rand.Shuffle(order);
        }

        return new ImageFolderCursor(this, active, order);
    }

    /// <summary>A single cursor: it keeps several threads at work by itself.</summary>
    /// <inheritdoc cref="GetRowCursor"/>
    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null) => [GetRowCursor(columnsNeeded, rand)];

    /// <summary>Number of pictures and classes, and what was left out, in words.</summary>
    public override string ToString() =>
        string.Join("; ", [$"{_content.Value.Describe(ClassNames.Count)}, {Folder}", .. _content.Value.Omissions()]);

    internal void ReportRead(int done) => _options.ProgressCallback?.Invoke(new ImageFolderProgress(IsCheck: false, done, Count));

    private static DataViewSchema CreateSchema(ImageFolderOptions options, (int Height, int Width)? imageSize)
    {
        var schema = new DataViewSchema.Builder();
        schema.AddColumn(options.PathColumnName, TextDataViewType.Instance);
        schema.AddColumn(options.LabelColumnName, TextDataViewType.Instance);
        if (imageSize is (int height, int width))
        {
            schema.AddColumn(options.ImageColumnName, new ImageDataViewType(height, width));
        }

        return schema.ToSchema();
    }
}
