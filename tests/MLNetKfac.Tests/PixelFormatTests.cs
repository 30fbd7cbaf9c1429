using Kfac;
using Kfac.Networks;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetKfac.Columns;
using MLNetKfac.Tests.Data;

namespace MLNetKfac.Tests;

[TestClass]
public sealed class PixelFormatTests
{
    private readonly MLContext _context = new(seed: 1);

    [TestMethod]
    [DataRow(new[] { 8, 6, 3 }, "8x6x3", ImageLayout.ChannelsLast)]
    [DataRow(new[] { 3, 8, 6 }, "8x6x3", ImageLayout.ChannelsFirst)]
    [DataRow(new[] { 4, 8, 6 }, "8x6x4", ImageLayout.ChannelsFirst)]
    [DataRow(new[] { 8, 6, 1 }, "8x6x1", ImageLayout.ChannelsLast)]
    [DataRow(new[] { 8, 6 }, "8x6x1", ImageLayout.ChannelsLast)]
    [DataRow(new[] { 1, 3, 8, 6 }, "8x6x3", ImageLayout.ChannelsFirst)]
    [DataRow(new[] { 1, 8, 6, 1 }, "8x6x1", ImageLayout.ChannelsLast)]
    [DataRow(new[] { 64 }, "64", ImageLayout.ChannelsLast)]
    [DataRow(new[] { 63 }, "63", ImageLayout.ChannelsLast)]
    [DataRow(new[] { 1, 512, 1, 1 }, "512", ImageLayout.ChannelsLast)]
    [DataRow(new[] { 1, 512 }, "512", ImageLayout.ChannelsLast)]
    [DataRow(new[] { 7, 1, 1 }, "7", ImageLayout.ChannelsLast)]
    [DataRow(new[] { 1 }, "1", ImageLayout.ChannelsLast)]
    public void Dimensions_tell_shape_and_layout(int[] dimensions, string shape, ImageLayout layout)
    {
        PixelFormat format = Format(dimensions, new());

        Assert.AreEqual((shape, layout), (format.Shape.ToString(), format.Layout));
    }

    [TestMethod]
    public void Options_tell_what_dimensions_do_not()
    {
        Assert.AreEqual(new ImageShape(5, 5, 7), Format([7, 5, 5], new() { Layout = ImageLayout.ChannelsFirst }).Shape);
        Assert.AreEqual(new ImageShape(7, 5, 5), Format([7, 5, 5], new() { Layout = ImageLayout.ChannelsLast }).Shape);
        Assert.AreEqual(ImageLayout.ChannelsFirst, Format([3, 8, 1], new() { ImageShape = new ImageShape(8, 1, 3) }).Layout);
        Assert.AreEqual(ImageLayout.ChannelsLast, Format([3, 8, 1], new() { ImageShape = new ImageShape(3, 8, 1) }).Layout);
        Assert.AreEqual(ImageLayout.ChannelsFirst, Format([3, 3, 3], new() { ImageShape = new ImageShape(3, 3, 3), Layout = ImageLayout.ChannelsFirst }).Layout);
        Assert.AreEqual(new ImageShape(4, 5, 3), Format([60], new() { ImageShape = new ImageShape(4, 5, 3) }).Shape);
        Assert.AreEqual(ImageLayout.ChannelsFirst, Format([60], new() { ImageShape = new ImageShape(4, 5, 3), Layout = ImageLayout.ChannelsFirst }).Layout);
        Assert.AreEqual(new ImageShape(4, 5, 3), Format([60], new() { Network = NetworkSpec.For(4, 5, 3) }).Shape);
    }

    [TestMethod]
    public void What_a_flat_vector_was_taken_for_is_said_with_the_way_to_say_otherwise()
    {
        Assert.AreEqual(
            "'Features' (Vector<Single, 784>) is taken as 784 features without rows and columns, for a dense network; if they are pixels, set ImageShape, as in new ImageShape(28, 28, 1)",
            Ambiguity([784], new()));
        Assert.EndsWith("as in new ImageShape(height, width, channels)", Ambiguity([1, 500, 1], new())!);
        Assert.IsNull(Ambiguity([784], new() { ImageShape = new ImageShape(28, 28, 1) }));
        Assert.IsNull(Ambiguity([784], new() { Network = NetworkSpec.For(1, 1, 784).Dense(3) }));
        Assert.IsNull(Ambiguity([28, 28], new()));

        static string? Ambiguity(int[] dimensions, KfacImageClassificationTrainer.Options options) => Format(dimensions, options).Ambiguity(Column(dimensions), options.Images);
    }

    [TestMethod]
    public void Dimensions_that_can_be_read_in_two_ways_are_refused()
    {
        AssertRefused([3, 8, 1], new(), "expected dimensions that can be read in one way only, or else set ImageShape or Layout, but the column is Vector<Single, 3, 8, 1>");
        AssertRefused([3, 3, 3], new() { ImageShape = new ImageShape(3, 3, 3) }, "read in one way only");
    }

    [TestMethod]
    public void Dimensions_that_are_no_image_are_refused()
    {
        AssertRefused([7, 5, 5], new(), "expected 1, 3 or 4 channels in the first or the last dimension, or else set ImageShape or Layout, but the column is Vector<Single, 7, 5, 5>");
        AssertRefused([2, 2, 2, 2], new(), "expected [H, W, C], [C, H, W], [H, W] or a flat vector, or else set ImageShape or Layout, but the column is Vector<Single, 2, 2, 2, 2>");
        AssertRefused([64], new() { ImageShape = new ImageShape(5, 5, 3) }, "expected images of 5x5x3 (75 values) because of ImageShape, but the column is Vector<Single, 64>");
        AssertRefused([8, 6, 3], new() { ImageShape = new ImageShape(6, 8, 3) }, "expected images of 6x8x3 (144 values) because of ImageShape");
        AssertRefused([8, 6, 3], new() { Network = NetworkSpec.For(9, 9, 1) }, "expected images of 9x9x1 (81 values) because of Network");
        AssertRefused([8, 6, 3], new() { ImageShape = new ImageShape(8, 6, 3), Layout = ImageLayout.ChannelsFirst }, "because of ImageShape in the order ChannelsFirst");
    }

    [TestMethod]
    public void The_model_reads_columns_of_other_dimensions_but_the_same_image()
    {
        PixelFormat trained = Format([8, 6, 3], new());

        Assert.AreEqual(ImageLayout.ChannelsLast, trained.ForPrediction(Column([8, 6, 3])).Layout);
        Assert.AreEqual(ImageLayout.ChannelsFirst, trained.ForPrediction(Column([3, 8, 6])).Layout);
        Assert.AreEqual(ImageLayout.ChannelsLast, trained.ForPrediction(Column([144])).Layout);
        Assert.AreEqual(ImageLayout.ChannelsFirst, Format([3, 8, 6], new()).ForPrediction(Column([144])).Layout);
        foreach (int[] other in new int[][] { [6, 8, 3], [8, 3, 6], [8, 6, 1], [143] })
        {
            StringAssert.Contains(
                Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => trained.ForPrediction(Column(other))).Message,
                "expected images of 8x6x3 (144 values of Single), as the model was trained on, but the column is Vector<Single, ");
        }
    }

    [TestMethod]
    public void Layouts_and_item_types_make_no_difference_to_what_is_learned()
    {
        string[] scores = Learn(ImageLayout.ChannelsLast, pixel => (float)pixel);

        CollectionAssert.AreEqual(scores, Learn(ImageLayout.ChannelsFirst, pixel => (float)pixel));
        CollectionAssert.AreEqual(scores, Learn(ImageLayout.ChannelsLast, pixel => pixel));
        CollectionAssert.AreEqual(scores, Learn(ImageLayout.ChannelsFirst, pixel => pixel));
        Assert.IsGreaterThan(9, scores.Distinct().Count());
    }

    [TestMethod]
    public void Validation_rows_may_have_another_layout_than_training_rows()
    {
        IDataView planar = Colours(ImageLayout.ChannelsFirst, pixel => (float)pixel), interleaved = Colours(ImageLayout.ChannelsLast, pixel => (float)pixel);

        double?[] losses = [.. new[] { planar, interleaved }.Select(validation => Trainer().Fit(planar, validation).Model.TrainingHistory[^1].ValidationLoss)];

        Assert.IsNotNull(losses[0]);
        Assert.AreEqual(losses[0], losses[1]);
    }

    [TestMethod]
    public void A_training_that_goes_on_takes_the_layout_that_it_is_told()
    {
        IDataView images = Colours(ImageLayout.ChannelsLast, pixel => (float)pixel), flat = Colours(ImageLayout.ChannelsFirst, pixel => (float)pixel, flat: true);
        KfacImageClassificationTransformer previous = Trainer().Fit(images);
        string[] expected = Rows.Read(Trainer().Fit(images, null, previous).Transform(images), "Score");

        CollectionAssert.AreEqual(expected, Rows.Read(Trainer(options => options.Layout = ImageLayout.ChannelsFirst).Fit(flat, null, previous).Transform(flat), "Score"));
        CollectionAssert.AreNotEqual(expected, Rows.Read(Trainer().Fit(flat, null, previous).Transform(flat), "Score"), "nobody said how they lie");
    }

    [TestMethod]
    public void A_training_that_goes_on_refuses_options_that_tell_of_other_images()
    {
        IDataView images = Colours(ImageLayout.ChannelsLast, pixel => (float)pixel), flat = Colours(ImageLayout.ChannelsLast, pixel => (float)pixel, flat: true);
        KfacImageClassificationTransformer previous = Trainer().Fit(images);

        ArgumentException shape = Assert.ThrowsExactly<ArgumentException>(() => Trainer(options => (options.Network, options.ImageShape) = (null, new ImageShape(5, 4, 3))).Fit(flat, null, previous));
        ArgumentException layout = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Trainer(options => options.Layout = ImageLayout.ChannelsFirst).Fit(images, null, previous));

        StringAssert.StartsWith(shape.Message, "ImageShape tells of images of 5x4x3, but the previous model takes 4x5x3");
        StringAssert.Contains(layout.Message, "in the order ChannelsFirst because of Layout");
    }

    [TestMethod]
    [DataRow(ImageLayout.ChannelsFirst)]
    [DataRow(ImageLayout.ChannelsLast)]
    public void A_loaded_model_still_knows_the_layout_of_flat_vectors(ImageLayout layout)
    {
        IDataView images = Colours(layout, pixel => (float)pixel), flat = Colours(layout, pixel => (float)pixel, flat: true);
        KfacImageClassificationTransformer saved = Trainer().Fit(images);
        using var stream = new MemoryStream();
        _context.Model.Save(saved, images.Schema, stream);
        stream.Position = 0;

        ITransformer loaded = _context.Model.Load(stream, out _);

        CollectionAssert.AreEqual(Rows.Read(saved.Transform(images), "Score"), Rows.Read(loaded.Transform(flat), "Score"));
    }

    private string[] Learn<T>(ImageLayout layout, Func<byte, T> pixel)
    {
        IDataView rows = Colours(layout, pixel);
        return Rows.Read(Trainer().Fit(rows).Transform(rows), "Score");
    }

    private KfacImageClassificationTrainer Trainer(Action<KfacImageClassificationTrainer.Options>? change = null)
    {
        var options = new KfacImageClassificationTrainer.Options
        {
            Network = NetworkSpec.For(4, 5, 3).Conv(4, 3).Relu().Flatten().Dense(3),
            Epoch = 2,
            BatchSize = 8,
            Seed = 1,
        };
        change?.Invoke(options);
        return _context.MulticlassClassification.Trainers.KfacImageClassification(options);
    }

    /// <summary>Images of 4x5 whose kind is the channel that is brightest.</summary>
    private IDataView Colours<T>(ImageLayout layout, Func<byte, T> pixel, bool flat = false)
    {
        const int Height = 4, Width = 5, Channels = 3;
        var random = new Random(1);
        Image<T>[] images = [.. Enumerable.Range(0, 24).Select(n =>
        {
            var values = new T[Height * Width * Channels];
            for (int i = 0; i < values.Length; i++)
            {
                (int place, int channel) = (i / Channels, i % Channels);
                values[layout == ImageLayout.ChannelsLast ? i : channel * Height * Width + place] = pixel((byte)random.Next(channel == n % 3 ? 256 : 128));
            }

            return new Image<T> { Features = values, Kind = Bars.Kinds[n % 3] };
        })];
        SchemaDefinition definition = SchemaDefinition.Create(typeof(Image<T>));
        int[] dimensions = flat ? [Height * Width * Channels] : layout == ImageLayout.ChannelsLast ? [Height, Width, Channels] : [Channels, Height, Width];
        definition["Features"].ColumnType = new VectorDataViewType((PrimitiveDataViewType)((VectorDataViewType)definition["Features"].ColumnType).ItemType, dimensions);
        return Bars.Key(_context, _context.Data.LoadFromEnumerable(images, definition));
    }

    private static PixelFormat Format(int[] dimensions, KfacImageClassificationTrainer.Options options) => PixelFormat.ForTraining(Column(dimensions), options.Images, () => throw new InvalidOperationException());

    private static void AssertRefused(int[] dimensions, KfacImageClassificationTrainer.Options options, string expected)
    {
        string message = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Format(dimensions, options)).Message;
        StringAssert.StartsWith(message, "FeatureColumnName 'Features': expected ");
        StringAssert.Contains(message, expected);
    }

    private static DataViewSchema.Column Column(int[] dimensions)
    {
        var schema = new DataViewSchema.Builder();
        schema.AddColumn("Features", new VectorDataViewType(NumberDataViewType.Single, dimensions));
        return schema.ToSchema()["Features"];
    }

    private sealed class Image<T>
    {
        public T[] Features { get; set; } = [];

        public string Kind { get; set; } = "";
    }
}
