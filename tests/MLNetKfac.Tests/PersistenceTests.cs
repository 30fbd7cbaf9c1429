using System.Runtime.InteropServices;
using Kfac.Optimizers;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetKfac.Tests.Data;

namespace MLNetKfac.Tests;

[TestClass]
public sealed class PersistenceTests
{
    private readonly MLContext _context = new(seed: 1);

    [TestMethod]
    public void A_loaded_model_predicts_the_same_bits_and_knows_all_that_the_saved_one_knew()
    {
        IDataView train = Bars.Load(_context, 60, 1), test = Bars.Load(_context, 30, 2);
        KfacImageClassificationTransformer saved = _context.MulticlassClassification.Trainers.KfacImageClassification(Bars.Options()).Fit(train);

        KfacImageClassificationTransformer loaded = SaveAndLoad(saved, train.Schema);

        CollectionAssert.AreEqual(Rows.Describe(saved.GetOutputSchema(test.Schema)), Rows.Describe(loaded.GetOutputSchema(test.Schema)));
        CollectionAssert.AreEqual(Rows.Read(saved.Transform(test)), Rows.Read(loaded.Transform(test)));
        Assert.AreEqual(saved.FeatureColumnName, loaded.FeatureColumnName);
        Assert.AreEqual(saved.FeatureColumnType, loaded.FeatureColumnType);
        Assert.AreEqual(saved.Model.Network, loaded.Model.Network);
        Assert.AreEqual(Bars.Kinds.Length, loaded.Model.ClassCount);
        CollectionAssert.AreEqual(Bars.Kinds, loaded.Model.ClassNames!.ToArray());
        CollectionAssert.AreEqual(saved.Model.TrainingHistory.ToArray(), loaded.Model.TrainingHistory.ToArray());
        CollectionAssert.AreEqual(
            saved.Model.Parameters.Select(parameter => $"{parameter.Name}: {string.Join(' ', parameter.Values.ToArray())}").ToArray(),
            loaded.Model.Parameters.Select(parameter => $"{parameter.Name}: {string.Join(' ', parameter.Values.ToArray())}").ToArray());
    }

    [TestMethod]
    public void A_whole_pipeline_loads_in_a_process_that_has_only_an_MLContext()
    {
        IDataView train = _context.Data.LoadFromEnumerable(Bars.Make(60, 1));
        Bar[] test = Bars.Make(100, 2);
        var pipeline = _context.Transforms.Conversion.MapValueToKey("Label", nameof(Bar.Kind))
            .Append(_context.MulticlassClassification.Trainers.KfacImageClassification(Bars.Options()))
            .Append(_context.Transforms.Conversion.MapKeyToValue("Name", "PredictedLabel"));
        ITransformer model = pipeline.Fit(train);
        using var folder = new TemporaryFolder();
        _context.Model.Save(model, train.Schema, folder.File("model.zip"));
        float[] pixels = [.. test.SelectMany(bar => bar.Features)];
        File.WriteAllBytes(folder.File("images"), MemoryMarshal.AsBytes(pixels.AsSpan()));

        string[] printed = SecondProcess.Run("MLNetKfac.LoadOnly", folder.File("model.zip"), folder.File("images"));

        string[] here = [.. _context.Data.CreateEnumerable<Scored>(model.Transform(_context.Data.LoadFromEnumerable(test)), reuseRowObject: false)
            .Select(row => $"{row.PredictedLabel} {string.Join(' ', row.Score.Select(BitConverter.SingleToUInt32Bits))}")];
        CollectionAssert.AreEqual(here, printed[..^1]);
        Assert.AreEqual("input: Features Kind Number", printed[^1]);
    }

    [TestMethod]
    public void A_file_of_payload_version_2_loads_and_predicts_what_it_did()
    {
        ITransformer loaded = _context.Model.Load(Path.Combine(AppContext.BaseDirectory, "Data", "Models", "payload-version-2.zip"), out DataViewSchema schema);
        float[] image = [.. Enumerable.Range(0, Bars.Side * Bars.Side).Select(i => (float)(i * i % 256))];
        IDataView rows = _context.Data.LoadFromEnumerable([new Bar { Features = image, Kind = Bars.Kinds[0] }]);

        float[] score = loaded.Transform(rows).GetColumn<float[]>("Score").Single();

        CollectionAssert.AreEqual((string[])["Features", "Kind"], schema.Select(column => column.Name).ToArray());
        CollectionAssert.AreEqual(Bars.Kinds, ((IEnumerable<ITransformer>)loaded).OfType<KfacImageClassificationTransformer>().Single().Model.ClassNames!.ToArray());
        (float Expected, float Actual)[] pairs = [.. new[] { 0.0142044565f, 0.14113289f, 0.8446626f }.Zip(score)];
        Assert.IsLessThan(1e-6f, pairs.Max(pair => Math.Abs(pair.Expected - pair.Actual)));
    }

    [TestMethod]
    public void The_typed_transformer_is_found_in_a_loaded_chain()
    {
        IDataView train = _context.Data.LoadFromEnumerable(Bars.Make(60, 1));
        ITransformer chain = _context.Transforms.Conversion.MapValueToKey("Label", nameof(Bar.Kind))
            .Append(_context.MulticlassClassification.Trainers.KfacImageClassification(Bars.Options())).Fit(train);
        using var stream = new MemoryStream();
        _context.Model.Save(chain, train.Schema, stream);
        stream.Position = 0;

        var loaded = (IEnumerable<ITransformer>)new MLContext().Model.Load(stream, out _);

        Assert.AreEqual(Bars.Network, loaded.OfType<KfacImageClassificationTransformer>().Single().Model.Network);
    }

    [TestMethod]
    public void Labels_of_every_kind_keep_their_values()
    {
        ReadBack(0.5f, -1f);
        ReadBack(0.5, -1);
        ReadBack(7, -7);
        ReadBack(7u, 8u);
        ReadBack((short)7, (short)-7);
        ReadBack((ushort)7, (ushort)8);
        ReadBack((sbyte)7, (sbyte)-7);
        ReadBack((byte)7, (byte)8);
        ReadBack(7L, -7L);
        ReadBack(7UL, 8UL);
        ReadBack(true, false);
        ReadBack(new DateTime(2020, 2, 29), new DateTime(1999, 12, 31, 23, 59, 59));
        ReadBack(new DateTimeOffset(2020, 2, 29, 1, 2, 3, TimeSpan.FromHours(-8)), new DateTimeOffset(1999, 12, 31, 0, 0, 0, TimeSpan.Zero));
        ReadBack(TimeSpan.FromDays(3), TimeSpan.FromTicks(1));
        ReadBack("Ä", "ω");
    }

    [TestMethod]
    public void A_label_without_values_stays_without()
    {
        IDataView train = _context.Data.LoadFromEnumerable(Bars.Make(30, 1).Select(bar => new Keyed { Features = bar.Features, Label = (uint)(bar.Number % 3) + 1 }));

        KfacImageClassificationTransformer loaded = SaveAndLoad(Fit(train), train.Schema);

        Assert.IsNull(loaded.Model.ClassNames);
        CollectionAssert.DoesNotContain(loaded.GetOutputSchema(train.Schema)["PredictedLabel"].Annotations.Schema.Select(annotation => annotation.Name).ToArray(), "KeyValues");
    }

    private KfacImageClassificationTransformer Fit(IDataView train)
    {
        KfacImageClassificationTrainer.Options options = Bars.Options();
        options.Epoch = 1;
        options.Network = Kfac.Networks.NetworkSpec.For(Bars.Side, Bars.Side, 1).MaxPool(4).Flatten().Dense((int)((KeyDataViewType)train.Schema["Label"].Type).Count);
        options.Optimizer = new SgdOptions();
        return _context.MulticlassClassification.Trainers.KfacImageClassification(options).Fit(train);
    }

    private void ReadBack<T>(params T[] values)
    {
        IDataView rows = _context.Data.LoadFromEnumerable(Bars.Make(12, 1).Select(bar => new Labelled<T> { Features = bar.Features, Value = values[(int)bar.Number % 2] }));
        IDataView train = _context.Transforms.Conversion.MapValueToKey("Label", "Value").Fit(rows).Transform(rows);

        IDataView predicted = SaveAndLoad(Fit(train), train.Schema).Transform(train);

        IDataView named = _context.Transforms.Conversion.MapKeyToValue("Name", "PredictedLabel").Fit(predicted).Transform(predicted);
        T[] names = [.. _context.Data.CreateEnumerable<Named<T>>(named, reuseRowObject: false).Select(row => row.Name)];
        uint[] keys = [.. _context.Data.CreateEnumerable<Named<T>>(named, reuseRowObject: false).Select(row => row.PredictedLabel)];
        CollectionAssert.AreEqual(keys.Select(key => values[key - 1]).ToArray(), names, typeof(T).Name);
    }

    private KfacImageClassificationTransformer SaveAndLoad(KfacImageClassificationTransformer model, DataViewSchema schema)
    {
        using var stream = new MemoryStream();
        _context.Model.Save(model, schema, stream);
        stream.Position = 0;
        ITransformer loaded = new MLContext().Model.Load(stream, out DataViewSchema loadedSchema);
        CollectionAssert.AreEqual(Rows.Describe(schema), Rows.Describe(loadedSchema));
        return loaded as KfacImageClassificationTransformer ?? ((IEnumerable<ITransformer>)loaded).OfType<KfacImageClassificationTransformer>().Single();
    }

    private sealed class Scored
    {
        [KeyType(3)]
        public uint PredictedLabel { get; set; }

        public float[] Score { get; set; } = [];
    }

    private sealed class Keyed
    {
        [VectorType(Bars.Side * Bars.Side)]
        public float[] Features { get; set; } = [];

        [KeyType(3)]
        public uint Label { get; set; }
    }

    private sealed class Labelled<T>
    {
        [VectorType(Bars.Side * Bars.Side)]
        public float[] Features { get; set; } = [];

        public T Value { get; set; } = default!;
    }

    private sealed class Named<T>
    {
        [KeyType(2)]
        public uint PredictedLabel { get; set; }

        public T Name { get; set; } = default!;
    }
}
