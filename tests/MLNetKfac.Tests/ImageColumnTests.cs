using Kfac;
using Kfac.Networks;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;
using MLNetKfac.Columns;
using MLNetKfac.Tests.Data;

namespace MLNetKfac.Tests;

/// <summary>Columns of images, taken as they are.</summary>
[TestClass]
public sealed class ImageColumnTests
{
    private const int Height = 6, Width = 5;

    private readonly MLContext _context = new(seed: 1);

    [TestMethod]
    [DataRow(MLPixelFormat.Bgra32)]
    [DataRow(MLPixelFormat.Rgba32)]
    public void Colours_are_those_that_ExtractPixels_gives(MLPixelFormat pixelFormat)
    {
        IDataView images = Load(Pictures(24, pixelFormat));
        IDataView pixels = _context.Transforms.ExtractPixels("Pixels", "Image", interleavePixelColors: true).Fit(images).Transform(images);

        string[] direct = Scores(Trainer(options => options.FeatureColumnName = "Image"), images);

        CollectionAssert.AreEqual(Scores(Trainer(options => options.FeatureColumnName = "Pixels"), pixels), direct);
        Assert.IsGreaterThan(9, direct.Distinct().Count());
    }

    [TestMethod]
    public void Grey_is_what_the_shape_asks_for()
    {
        Picture[] pictures = [.. Pictures(24, MLPixelFormat.Bgra32)];
        var format = new PixelFormat(new ImageDataViewType(Height, Width), new ImageShape(Height, Width, 1), ImageLayout.ChannelsLast);
        IDataView images = Load(pictures);
        using DataViewRowCursor cursor = images.GetRowCursor(images.Schema);
        PixelReader reader = PixelReader.Create(cursor, images.Schema["Image"], format);
        var grey = new float[Height * Width];

        for (int n = 0; cursor.MoveNext(); n++)
        {
            Assert.AreEqual(-1, reader.Read(grey));
            byte[] bgr = pictures[n].Image!.GetBGRPixels;
            float[] expected = [.. Enumerable.Range(0, grey.Length).Select(i => MathF.Floor((0.11f * bgr[3 * i]) + (0.59f * bgr[(3 * i) + 1]) + (0.3f * bgr[(3 * i) + 2]) + 0.5f))];
            Assert.IsLessThanOrEqualTo(1f, expected.Zip(grey, (a, b) => Math.Abs(a - b)).Max());
        }

        KfacImageClassificationTransformer model = Trainer(options =>
        {
            options.FeatureColumnName = "Image";
            options.ImageShape = new ImageShape(Height, Width, 1);
            options.Network = null;
        }).Fit(images);
        Assert.AreEqual(new ImageShape(Height, Width, 1), model.Model.Network.Input);
    }

    [TestMethod]
    public void A_saved_model_takes_images_again()
    {
        IDataView images = Load(Pictures(24, MLPixelFormat.Bgra32));
        KfacImageClassificationTransformer model = Trainer(options => options.FeatureColumnName = "Image").Fit(images);
        using var file = new MemoryStream();
        _context.Model.Save(model, images.Schema, file);
        file.Position = 0;

        ITransformer loaded = _context.Model.Load(file, out _);

        CollectionAssert.AreEqual(Rows.Read(model.Transform(images), "Score"), Rows.Read(loaded.Transform(images), "Score"));
        Assert.AreEqual(new ImageDataViewType(Height, Width), ((KfacImageClassificationTransformer)loaded).FeatureColumnType);
    }

    [TestMethod]
    public void A_column_of_unknown_size_has_the_first_images()
    {
        using var folder = new TemporaryFolder();
        Picture[] pictures = [.. Pictures(24, MLPixelFormat.Bgra32)];
        for (int n = 0; n < pictures.Length; n++)
        {
            pictures[n].Image!.Save(folder.File($"{n}.png"));
        }

        IDataView files = Bars.Key(_context, _context.Data.LoadFromEnumerable(pictures.Select((picture, n) => new PictureFile { Kind = picture.Kind, Path = $"{n}.png" })));
        var pipeline = _context.Transforms.LoadImages("Image", folder.File(""), nameof(PictureFile.Path))
            .Append(Trainer(options => (options.FeatureColumnName, options.Network) = ("Image", null)));

        TransformerChain<KfacImageClassificationTransformer> model = pipeline.Fit(files);

        Assert.AreEqual(new ImageShape(Height, Width, 3), model.LastTransformer.Model.Network.Input);
        Assert.HasCount(24, Rows.Read(model.Transform(files), "Score"));
    }

    [TestMethod]
    public void An_image_of_another_size_is_named_and_a_missing_one_left_out()
    {
        using var folder = new TemporaryFolder();
        Image(Height, Width, MLPixelFormat.Bgra32, 0, new Random(1)).Save(folder.File("0.png"));
        Image(Width, Height, MLPixelFormat.Bgra32, 0, new Random(1)).Save(folder.File("1.png"));
        IDataView files = Bars.Key(_context, _context.Data.LoadFromEnumerable(Enumerable.Range(0, 2).Select(n => new PictureFile { Kind = Bars.Kinds[n], Path = $"{n}.png" })));

        string message = Assert.ThrowsExactly<FormatException>(() => _context.Transforms.LoadImages("Image", folder.File(""), nameof(PictureFile.Path))
            .Append(Trainer(options => options.FeatureColumnName = "Image")).Fit(files)).Message;

        Assert.AreEqual("row 1 has an image of 5 rows and 6 columns in column 'Image', but images of 6 and 5 are expected: resize them alike, by ResizeImages", message);
        var warnings = new List<string>();
        _context.Log += (_, e) =>
        {
            if (e.Kind == Microsoft.ML.Runtime.ChannelMessageKind.Warning)
            {
                warnings.Add(e.RawMessage);
            }
        };
        Picture[] pictures = [.. Pictures(12, MLPixelFormat.Bgra32)];
        pictures[3].Image = null;
        Trainer(options => options.FeatureColumnName = "Image").Fit(Load(pictures));
        CollectionAssert.AreEqual((string[])["1 of 12 rows have a pixel that is NaN or infinite and are left out; the first is row 3, value 0 of column 'Image'"], warnings);
    }

    [TestMethod]
    public void A_size_that_is_not_the_columns_is_refused()
    {
        IDataView images = Load(Pictures(6, MLPixelFormat.Bgra32));

        string message = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Trainer(options => (options.FeatureColumnName, options.ImageShape) = ("Image", new ImageShape(Width, Height, 3))).Fit(images)).Message;

        StringAssert.Contains(message, "FeatureColumnName 'Image': expected images of 5x6x3 because of ImageShape, grey (1 channel), RGB (3) or RGBA (4), but the column is Image");
    }

    private KfacImageClassificationTrainer Trainer(Action<KfacImageClassificationTrainer.Options> change)
    {
        var options = new KfacImageClassificationTrainer.Options
        {
            Network = NetworkSpec.For(Height, Width, 3).Conv(4, 3).Relu().Flatten().Dense(3),
            Epoch = 2,
            BatchSize = 8,
            Seed = 1,
        };
        change(options);
        return _context.MulticlassClassification.Trainers.KfacImageClassification(options);
    }

    private static string[] Scores(KfacImageClassificationTrainer trainer, IDataView images) => Rows.Read(trainer.Fit(images).Transform(images), "Score");

    private IDataView Load(IEnumerable<Picture> pictures) => Bars.Key(_context, _context.Data.LoadFromEnumerable(pictures));

    /// <summary>Pictures whose kind is the colour that is brightest; made anew in each pass, as ExtractPixels disposes of what it gets.</summary>
    private static IEnumerable<Picture> Pictures(int count, MLPixelFormat pixelFormat)
    {
        var random = new Random(1);
        for (int n = 0; n < count; n++)
        {
            yield return new Picture { Image = Image(Height, Width, pixelFormat, n % 3, random), Kind = Bars.Kinds[n % 3] };
        }
    }

    private static MLImage Image(int height, int width, MLPixelFormat pixelFormat, int brightest, Random random)
    {
        var pixels = new byte[4 * height * width];
        for (int i = 0; i < pixels.Length; i++)
        {
            pixels[i] = i % 4 == 3 ? byte.MaxValue : (byte)random.Next(i % 4 == brightest ? 256 : 128);
        }

        return MLImage.CreateFromPixels(width, height, pixelFormat, pixels);
    }

    private sealed class Picture
    {
        [ImageType(Height, Width)]
        public MLImage? Image { get; set; }

        public string Kind { get; set; } = "";
    }

    private sealed class PictureFile
    {
        public string Path { get; set; } = "";

        public string Kind { get; set; } = "";
    }
}
