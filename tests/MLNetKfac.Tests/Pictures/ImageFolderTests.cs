using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetKfac.Tests.Data;
using SkiaSharp;

namespace MLNetKfac.Tests.Pictures;

/// <summary>Folders of pictures as rows.</summary>
[TestClass]
public sealed class ImageFolderTests : IDisposable
{
    private readonly MLContext _context = new(seed: 1);
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [TestMethod]
    public void Classes_and_pictures_come_in_ordinal_order_with_their_sub_folders()
    {
        using SKBitmap picture = PictureFiles.Quarters(4, 4);
        foreach (string path in (string[])["b/2.png", "b/10.png", "a/z/1.png", "a/y.PNG", "Zebra/x.png", "ü ä/日本.png"])
        {
            Write(path, picture);
        }

        ImageFolderDataView folder = _context.Data.LoadImagesFromFolder(_folder.File(""));

        CollectionAssert.AreEqual((string[])["Zebra", "a", "b", "ü ä"], folder.ClassNames.ToArray());
        CollectionAssert.AreEqual((int[])[1, 2, 2, 1], folder.ClassCounts.ToArray());
        CollectionAssert.AreEqual(
            (string[])[Row("Zebra/x.png", "Zebra"), Row("a/y.PNG", "a"), Row("a/z/1.png", "a"), Row("b/10.png", "b"), Row("b/2.png", "b"), Row("ü ä/日本.png", "ü ä")],
            Rows.Read(folder));
        Assert.IsEmpty(folder.LeftOut);

        string Row(string path, string label) => $"{_folder.File(path)} | {label}";
    }

    [TestMethod]
    public void What_is_no_picture_of_a_class_is_left_out_and_named()
    {
        PictureFiles.WriteClasses(_folder.File(""), 1, "a", "b", ".git", "__MACOSX", "a/.hidden");
        Directory.CreateDirectory(_folder.File("empty"));
        foreach (string path in (string[])["README.md", "a/notes.txt", "a/Thumbs.db", "a/._00.png", "b/desktop.ini", "b/scan.tiff"])
        {
            File.WriteAllText(_folder.File(path), "text");
        }

        List<string> log = Listen();
        ImageFolderDataView folder = _context.Data.LoadImagesFromFolder(_folder.File(""));

        Assert.AreEqual(2, folder.Count);
        CollectionAssert.AreEquivalent(
            (string[])
            [
                "Hidden .git", "Hidden __MACOSX", "Hidden a/.hidden", "Hidden a/Thumbs.db", "Hidden a/._00.png", "Hidden b/desktop.ini",
                "OutsideAnyClass README.md", "NotAPicture a/notes.txt", "NotAPicture b/scan.tiff", "EmptyClass empty",
            ],
            folder.LeftOut.Select(file => $"{file.Reason} {file.Path.Replace('\\', '/')}").ToArray());
        Assert.Contains("left out: 2 files of other types: " + string.Join(", ", ((string[])["a/notes.txt", "b/scan.tiff"]).Select(path => path.Replace('/', Path.DirectorySeparatorChar))), log);
        Assert.Contains("left out: 1 folder without pictures: empty", log);
    }

    [TestMethod]
    public void A_link_in_a_circle_is_left_out()
    {
        PictureFiles.WriteClasses(_folder.File(""), 1, "a", "b");
        Directory.CreateSymbolicLink(_folder.File("a/again"), _folder.File("a"));
        Directory.CreateSymbolicLink(_folder.File("linked"), _folder.File("b"));

        ImageFolderDataView folder = _context.Data.LoadImagesFromFolder(_folder.File(""));

        CollectionAssert.AreEqual((string[])["a", "b", "linked"], folder.ClassNames.ToArray());
        Assert.AreEqual(LeftOutReason.CircularLink, folder.LeftOut.Single().Reason);
    }

    [TestMethod]
    public void A_link_to_a_folder_above_brings_no_pictures_of_other_classes()
    {
        PictureFiles.WriteClasses(_folder.File("all/photos"), 1, "a", "b");
        Directory.CreateSymbolicLink(_folder.File("all/photos/a/up"), _folder.File("all"));
        Directory.CreateSymbolicLink(_folder.File("all/photos/b/here"), _folder.File("all/photos/b"));
        Directory.CreateSymbolicLink(_folder.File("link"), _folder.File("all/photos"));

        foreach (string path in (string[])["all/photos", "link"])
        {
            ImageFolderDataView folder = _context.Data.LoadImagesFromFolder(_folder.File(path));

            CollectionAssert.AreEqual((int[])[1, 1], folder.ClassCounts.ToArray(), path);
            CollectionAssert.AreEqual(
                (string[])["CircularLink a/up", "CircularLink b/here"],
                folder.LeftOut.Select(file => $"{file.Reason} {file.Path.Replace('\\', '/')}").ToArray());
        }
    }

    [TestMethod]
    public void A_check_that_was_ended_is_made_again()
    {
        PictureFiles.WriteClasses(_folder.File(""), 3, "a", "b");
        bool isEnded = true;
        ImageFolderDataView folder = _context.Data.LoadImagesFromFolder(_folder.File(""), new() { ProgressCallback = _ => isEnded = isEnded ? throw new OperationCanceledException() : false });

        Assert.ThrowsExactly<OperationCanceledException>(() => folder.Count);
        isEnded = false;

        Assert.AreEqual(6, folder.Count);
    }

    [TestMethod]
    public void A_folder_has_the_options_that_it_was_loaded_with()
    {
        PictureFiles.WriteClasses(_folder.File(""), 3, "a", "b");
        var options = new ImageFolderOptions { LabelColumnName = "Class" };
        ImageFolderDataView folder = _context.Data.LoadImagesFromFolder(_folder.File(""), options);
        (options.LabelColumnName, options.ProgressCallback) = ("Other", _ => throw new OperationCanceledException());

        CollectionAssert.AreEqual((string[])["Path", "Class"], folder.Split(0.3, seed: 1).Training.Schema.Select(column => column.Name).ToArray());
    }

    [TestMethod]
    public void Folders_without_classes_are_refused_with_what_they_have()
    {
        Assert.Contains("is empty", Message<InvalidDataException>());
        PictureFiles.WriteClasses(_folder.File(""), 2, ".");
        Assert.Contains("its 2 pictures lie side by side", Message<InvalidDataException>());
        _folder.Dispose();
        Assert.Contains("there is no folder", Message<DirectoryNotFoundException>());
        Directory.CreateDirectory(_folder.File(""));

        string Message<T>()
            where T : Exception => Assert.ThrowsExactly<T>(() => _context.Data.LoadImagesFromFolder(_folder.File(""))).Message;
    }

    [TestMethod]
    public void Unreadable_pictures_are_left_out_and_named()
    {
        WriteDamaged();
        List<string> log = Listen();

        ImageFolderDataView folder = _context.Data.LoadImagesFromFolder(_folder.File(""), new() { ImageSize = (4, 4) });

        CollectionAssert.AreEqual((string[])[_folder.File("a/whole.png"), _folder.File("b/whole.jpg")], Rows.Read(folder, "Path"), string.Join(" ", folder.LeftOut));
        LeftOutFile[] unreadable = [.. folder.LeftOut.Where(file => file.Reason == LeftOutReason.Unreadable)];
        CollectionAssert.AreEqual(
            (string[])["cut.bmp", "cut.gif", "cut.jpg", "cut.png", "cut.webp", "empty.png", "head.gif", "text.jpg"],
            unreadable.Select(file => Path.GetFileName(file.Path)).ToArray());
        Assert.AreEqual("it is cut off", unreadable[2].Detail);
        Assert.AreEqual("it is empty", unreadable[5].Detail);
        Assert.ContainsSingle(log.Where(line => line.StartsWith("left out: 8 unreadable pictures", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void Unreadable_pictures_are_fatal_where_that_is_chosen()
    {
        WriteDamaged();
        ImageFolderDataView folder = _context.Data.LoadImagesFromFolder(_folder.File(""), new() { ImageSize = (4, 4), Unreadable = UnreadablePictures.Throw });

        FormatException fatal = Assert.ThrowsExactly<FormatException>(() => ReadImages(folder));

        Assert.Contains("cut.bmp' cannot be read: it is cut off", fatal.Message);
    }

    [TestMethod]
    public void Without_a_readable_picture_nothing_is_loaded()
    {
        Directory.CreateDirectory(_folder.File("a"));
        File.WriteAllText(_folder.File("a/x.png"), "text");

        Assert.Contains("has no picture that can be read", Assert.ThrowsExactly<InvalidDataException>(() => _context.Data.LoadImagesFromFolder(_folder.File("")).Count).Message);
    }

    [TestMethod]
    public void A_trainer_says_which_option_makes_the_column_of_images()
    {
        var trainer = _context.MulticlassClassification.Trainers.KfacImageClassification(new KfacImageClassificationTrainer.Options { FeatureColumnName = "Image" });
        IDataView folder = _context.Data.LoadImagesFromFolder(Path.Combine(AppContext.BaseDirectory, "samples"));

        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => _context.Transforms.Conversion.MapValueToKey("Label").Append(trainer).Fit(folder)).Message,
            "but there is no such column: LoadImagesFromFolder makes it where ImageFolderOptions.ImageSize is set");
    }

    [TestMethod]
    public void A_split_has_each_class_on_either_side()
    {
        PictureFiles.WriteClasses(_folder.File(""), 2, "a", "b");
        PictureFiles.WriteClasses(_folder.File(""), 20, "c");
        ImageFolderDataView folder = _context.Data.LoadImagesFromFolder(_folder.File(""));

        (ImageFolderDataView training, ImageFolderDataView test) = folder.Split(0.1, seed: 3);

        CollectionAssert.AreEqual((int[])[1, 1, 18], training.ClassCounts.ToArray());
        CollectionAssert.AreEqual((int[])[1, 1, 2], test.ClassCounts.ToArray());
        CollectionAssert.AreEquivalent(Rows.Read(folder), Rows.Read(training).Concat(Rows.Read(test)).ToArray());
        CollectionAssert.AreEqual(Rows.Read(test), Rows.Read(folder.Split(0.1, seed: 3).Test));
        CollectionAssert.AreNotEqual(Rows.Read(test), Rows.Read(folder.Split(0.1, seed: 4).Test));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => folder.Split(0, seed: 1));
    }

    [TestMethod]
    public void A_class_of_one_picture_cannot_be_split()
    {
        PictureFiles.WriteClasses(_folder.File(""), 3, "a");
        PictureFiles.WriteClasses(_folder.File(""), 1, "lonely");

        string message = Assert.ThrowsExactly<InvalidDataException>(() => _context.Data.LoadImagesFromFolder(_folder.File("")).Split(0.5, seed: 1)).Message;

        Assert.Contains("'lonely'", message);
    }

    [TestMethod]
    public void Rows_are_the_same_however_they_are_read()
    {
        PictureFiles.WriteClasses(_folder.File(""), 9, "a", "b");
        ImageFolderDataView folder = _context.Data.LoadImagesFromFolder(_folder.File("")).WithImageSize(5, 7);
        string[] rows = Rows.Read(folder, "Path", "Label");

        Assert.AreEqual(18, folder.GetRowCount());
        Assert.HasCount(18, ReadImages(folder));
        CollectionAssert.AreEqual(rows, Rows.ReadSet(folder, 4, "Path", "Label"));
        string[] shuffled = Rows.Read(_context.Data.ShuffleRows(folder, seed: 2), "Path", "Label");
        CollectionAssert.AreEquivalent(rows, shuffled);
        CollectionAssert.AreNotEqual(rows, shuffled);
        CollectionAssert.AreEqual(rows[3..5], Rows.Read(_context.Data.TakeRows(_context.Data.SkipRows(folder, 3), 2), "Path", "Label"));
    }

    [TestMethod]
    public void Columns_of_other_schemas_and_rows_that_are_not_there_are_refused()
    {
        PictureFiles.WriteClasses(_folder.File(""), 1, "a", "b");
        ImageFolderDataView folder = _context.Data.LoadImagesFromFolder(_folder.File("")), images = folder.WithImageSize(3, 3);

        Assert.ThrowsExactly<ArgumentNullException>(() => folder.GetRowCursor(null!));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => folder.GetRowCursor(images.Schema));
        using DataViewRowCursor cursor = images.GetRowCursor([images.Schema["Label"]]);
        Assert.IsFalse(cursor.IsColumnActive(images.Schema["Image"]));
        Assert.ThrowsExactly<InvalidOperationException>(() => cursor.GetGetter<MLImage>(images.Schema["Image"]));
        Assert.ThrowsExactly<InvalidOperationException>(() => cursor.GetGetter<float>(images.Schema["Label"]));
        ValueGetter<ReadOnlyMemory<char>> label = cursor.GetGetter<ReadOnlyMemory<char>>(images.Schema["Label"]);
        ReadOnlyMemory<char> value = default;
        Assert.ThrowsExactly<InvalidOperationException>(() => label(ref value));
        Assert.AreEqual(-1, cursor.Position);
        while (cursor.MoveNext())
        {
            label(ref value);
        }

        Assert.AreEqual("b", value.ToString());
        Assert.AreEqual(-1, cursor.Position);
        Assert.IsFalse(cursor.MoveNext());
    }

    [TestMethod]
    public void Progress_is_told_of_every_picture_and_may_end_the_reading()
    {
        PictureFiles.WriteClasses(_folder.File(""), 8, "a", "b");
        List<ImageFolderProgress> told = [];
        ImageFolderDataView folder = _context.Data.LoadImagesFromFolder(_folder.File(""), new() { ImageSize = (2, 2), ProgressCallback = told.Add });

        ReadImages(folder);

        Assert.AreEqual(new ImageFolderProgress(IsCheck: true, 16, 16), told.Last(progress => progress.IsCheck));
        CollectionAssert.AreEqual(Enumerable.Range(1, 16).ToArray(), told.Where(progress => !progress.IsCheck).Select(progress => progress.Done).ToArray());
        ImageFolderDataView ended = _context.Data.LoadImagesFromFolder(_folder.File(""), new() { ProgressCallback = _ => throw new OperationCanceledException() });
        Assert.ThrowsExactly<OperationCanceledException>(() => ended.Count);
    }

    [TestMethod]
    public void Options_are_checked_by_name()
    {
        Assert.Contains("ImageSize", Message(new() { ImageSize = (0, 4) }));
        Assert.Contains("LabelColumnName", Message(new() { LabelColumnName = "Path" }));
        Assert.Contains("ImageColumnName", Message(new() { ImageColumnName = "" }));

        string Message(ImageFolderOptions options) => Assert.ThrowsExactly<ArgumentException>(() => _context.Data.LoadImagesFromFolder(_folder.File(""), options)).Message;
    }

    /// <summary>Two whole pictures, and a damaged one of each kind.</summary>
    private void WriteDamaged()
    {
        using SKBitmap picture = PictureFiles.Quarters(40, 40);
        Write("a/whole.png", picture);
        Write("b/whole.jpg", picture);
        foreach (string format in PictureFiles.Formats)
        {
            byte[] file = PictureFiles.Encode(picture, format);
            File.WriteAllBytes(_folder.File($"a/cut.{format}"), file[..(file.Length * (format is "gif" or "png" ? 4 : 9) / 10)]);
        }

        File.WriteAllBytes(_folder.File("a/empty.png"), []);
        File.WriteAllBytes(_folder.File("a/head.gif"), PictureFiles.Encode(picture, "gif")[..8]);
        File.WriteAllText(_folder.File("a/text.jpg"), "this is no picture at all, whatever its name says");
    }

    private void Write(string path, SKBitmap picture)
    {
        string file = PictureFiles.Write(Path.ChangeExtension(_folder.File(path), ".tmp.png"), picture);
        File.Move(file, _folder.File(path));
    }

    private List<string> Listen()
    {
        List<string> lines = [];
        _context.Log += (_, message) =>
        {
            if (message.Kind == ChannelMessageKind.Warning)
            {
                lines.Add(message.RawMessage);
            }
        };
        return lines;
    }

    private static List<byte[]> ReadImages(ImageFolderDataView folder)
    {
        DataViewSchema.Column column = folder.Schema["Image"];
        using DataViewRowCursor cursor = folder.GetRowCursor([column]);
        ValueGetter<MLImage?> getter = cursor.GetGetter<MLImage?>(column);
        List<byte[]> images = [];
        MLImage? image = null;
        while (cursor.MoveNext())
        {
            getter(ref image);
            images.Add(image!.Pixels.ToArray());
        }

        image?.Dispose();
        return images;
    }
}
