using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Tests.Oracles;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetKfac.Tests.Data;

namespace MLNetKfac.Tests;

/// <summary>The graph takes a feature column's values as they are, and gives what the output columns hold.</summary>
[TestClass]
public sealed class OnnxExportTests
{
    private const int Height = 8, Width = 6, Channels = 3;

    private readonly MLContext _context = new(seed: 1);

    [TestMethod]
    [DataRow(ImageLayout.ChannelsLast, new[] { Height, Width, Channels }, "NHWC")]
    [DataRow(ImageLayout.ChannelsFirst, new[] { Channels, Height, Width }, "NCHW")]
    public void A_graph_classifies_the_values_of_the_feature_column(ImageLayout layout, int[] dimensions, string inputLayout)
    {
        Picture[] pictures = Pictures();
        IDataView data = Load(pictures, new VectorDataViewType(NumberDataViewType.Single, dimensions));
        KfacImageClassificationTransformer model = Trainer().Fit(data);
        Assert.AreEqual(layout, model.Layout);
        using var folder = new TemporaryFolder();

        model.ExportToOnnx(folder.File("model.onnx"));

        byte[] bytes = File.ReadAllBytes(folder.File("model.onnx"));
        var file = new OnnxFile(bytes);
        Assert.AreEqual(inputLayout, file.Metadata["input_layout"]);
        Assert.AreEqual("[\"dark\",\"bright\"]", file.Metadata["class_names"]);
        CollectionAssert.AreEqual((string[])["Pixels"], file.Inputs.Select(input => input.Name).ToArray());
        CollectionAssert.AreEqual((string[])["Probabilities", "Guess", "Logits"], file.Outputs.Select(output => output.Name).ToArray());
        Dictionary<string, OnnxTensor> values = OnnxRuntimeRun.Outputs(bytes, new OnnxTensor(
            [pictures.Length, .. dimensions], [.. pictures.SelectMany(picture => picture.Pixels).Select(pixel => (double)pixel)]));
        Scored[] scored = [.. _context.Data.CreateEnumerable<Scored>(model.Transform(data), reuseRowObject: false)];
        CollectionAssert.AreEqual(scored.Select(row => row.Guess - 1.0).ToArray(), values["Guess"].Values);
        foreach ((float expected, double actual) in scored.SelectMany(row => row.Probabilities).Zip(values["Probabilities"].Values))
        {
            Assert.AreEqual(expected, actual, 1e-5);
        }
    }

    [TestMethod]
    public void Columns_of_one_name_cannot_be_told_apart_in_a_graph()
    {
        KfacImageClassificationTrainer.Options options = Options();
        options.ScoreColumnName = options.FeatureColumnName;
        KfacImageClassificationTransformer model = _context.MulticlassClassification.Trainers.KfacImageClassification(options)
            .Fit(Load(Pictures(), new VectorDataViewType(NumberDataViewType.Single, Height, Width, Channels)));

        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => model.ExportToOnnx(Stream.Null)).Message, "'Pixels', 'Pixels', 'Logits', 'Guess'");
    }

    private static Picture[] Pictures()
    {
        var random = new Random(1);
        return [.. Enumerable.Range(0, 12).Select(number => new Picture
        {
            Pixels = [.. Enumerable.Range(0, Height * Width * Channels).Select(_ => 100 * random.NextSingle() + number % 2 * 30)],
            Kind = number % 2 == 0 ? "dark" : "bright",
        })];
    }

    private IDataView Load(Picture[] pictures, VectorDataViewType type)
    {
        var schema = SchemaDefinition.Create(typeof(Picture));
        schema[nameof(Picture.Pixels)].ColumnType = type;
        IDataView rows = _context.Data.LoadFromEnumerable(pictures, schema);
        return _context.Transforms.Conversion.MapValueToKey("Label", nameof(Picture.Kind)).Fit(rows).Transform(rows);
    }

    private KfacImageClassificationTrainer Trainer() => _context.MulticlassClassification.Trainers.KfacImageClassification(Options());

    private static KfacImageClassificationTrainer.Options Options() => new()
    {
        FeatureColumnName = nameof(Picture.Pixels),
        ScoreColumnName = nameof(Scored.Probabilities),
        PredictedLabelColumnName = nameof(Scored.Guess),
        Network = NetworkSpec.For(Height, Width, Channels).Conv(4, 3, stride: 2).Relu().Flatten().Dense(2),
        Optimizer = new SgdOptions(),
        Epoch = 1,
    };

    private sealed class Picture
    {
        public float[] Pixels { get; set; } = [];

        public string Kind { get; set; } = "";
    }

    private sealed class Scored
    {
        [KeyType(2)]
        public uint Guess { get; set; }

        public float[] Probabilities { get; set; } = [];
    }
}
