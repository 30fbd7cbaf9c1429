using Kfac.Images;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Training;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetKfac.Tests.Data;

namespace MLNetKfac.Tests;

[TestClass]
public sealed class BadInputTests
{
    private readonly MLContext _context = new(seed: 1);
    private readonly List<string> _warnings = [];

    public BadInputTests() => _context.Log += (_, e) =>
    {
        if (e.Kind == ChannelMessageKind.Warning)
        {
            _warnings.Add(e.RawMessage);
        }
    };

    [TestMethod]
    public void A_missing_column_is_named_with_its_option()
    {
        IDataView bars = Bars.Load(_context, 6, 1);

        AssertSchemaError(bars, options => options.FeatureColumnName = "Pixels", "FeatureColumnName 'Pixels': expected a vector of Single or Byte of known size, or an image, but there is no such column");
        AssertSchemaError(bars, options => options.LabelColumnName = "Klass", "LabelColumnName 'Klass': expected a key of 1 to 1000000 values, as MapValueToKey makes of text and numbers, but there is no such column");
    }

    [TestMethod]
    public void A_label_that_is_no_key_is_told_of_MapValueToKey()
    {
        IDataView bars = Bars.Load(_context, 6, 1);

        AssertSchemaError(bars, options => options.LabelColumnName = "Kind", "LabelColumnName 'Kind': expected a key of 1 to 1000000 values, as MapValueToKey makes of text and numbers, but the column is String");
        AssertSchemaError(bars, options => options.LabelColumnName = "Number", "as MapValueToKey makes of text and numbers, but the column is Single");
    }

    [TestMethod]
    public void A_key_of_too_many_values_is_refused()
    {
        IDataView rows = _context.Data.LoadFromEnumerable([new Countless { Label = 1 }, new Countless { Label = 2 }]);

        string message = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Trainer().Fit(rows)).Message;

        StringAssert.Contains(message, "LabelColumnName 'Label': expected a key of 1 to 1000000 values, as MapValueToKey makes of text and numbers, but the column is Key<UInt32, 0-1999999>");
    }

    [TestMethod]
    public void Features_must_be_a_vector_of_numbers()
    {
        IDataView bars = Bars.Load(_context, 6, 1);

        AssertSchemaError(bars, options => options.FeatureColumnName = "Kind", "FeatureColumnName 'Kind': expected a vector of Single or Byte of known size, or an image, but the column is ");
        AssertSchemaError(bars, options => options.FeatureColumnName = "Number", "FeatureColumnName 'Number': expected a vector of Single or Byte of known size, or an image, but the column is ");
        AssertSchemaError(Load<float>(null), _ => { }, "but the column is Vector<Single>");
        AssertSchemaError(Load<double>(64), _ => { }, "but the column is Vector<Double, 64>");
    }

    [TestMethod]
    public void A_row_with_another_number_of_values_is_named()
    {
        Bar[] bars = Bars.Make(6, 1);
        bars[4].Features = new float[65];

        string message = Assert.ThrowsExactly<FormatException>(() => Trainer().Fit(Key(bars))).Message;

        Assert.AreEqual("row 4 has 65 values in column 'Features', but its type says 64", message);
    }

    [TestMethod]
    public void Rows_without_label_are_left_out_and_counted()
    {
        Bar[] bars = Bars.Make(30, 1);
        bars[3].Kind = bars[9].Kind = "unheard-of";
        Bar[] rest = [.. bars.Where(bar => bar.Kind != "unheard-of")];

        KfacImageClassificationTransformer model = Trainer().Fit(Key(bars));

        CollectionAssert.AreEqual((string[])["2 of 30 rows have no label and are left out"], _warnings);
        CollectionAssert.AreEqual(Rows.Read(Trainer().Fit(Key(rest)).Transform(Key(rest)), "Score"), Rows.Read(model.Transform(Key(rest)), "Score"));
    }

    [TestMethod]
    public void Rows_with_a_pixel_that_is_no_number_are_left_out_counted_and_the_first_one_named()
    {
        Bar[] bars = Bars.Make(30, 1);
        bars[5].Features[17] = float.NaN;
        bars[20].Features[0] = float.NegativeInfinity;
        Bar[] rest = [.. bars.Where(bar => bar.Features.All(float.IsFinite))];

        KfacImageClassificationTransformer model = Trainer().Fit(Key(bars));

        CollectionAssert.AreEqual((string[])["2 of 30 rows have a pixel that is NaN or infinite and are left out; the first is row 5, value 17 of column 'Features'"], _warnings);
        CollectionAssert.AreEqual(Rows.Read(Trainer().Fit(Key(rest)).Transform(Key(rest)), "Score"), Rows.Read(model.Transform(Key(rest)), "Score"));
    }

    [TestMethod]
    public void Rows_whose_weight_is_no_weight_are_left_out_counted_and_the_first_one_named()
    {
        Weighted[] rows = [.. Bars.Make(30, 1).Select(bar => new Weighted(bar, weight: 1))];
        rows[7].Weight = float.NaN;
        rows[8].Weight = -1;
        rows[9].Weight = float.PositiveInfinity;
        IDataView Key(IEnumerable<Weighted> bars) => Bars.Key(_context, _context.Data.LoadFromEnumerable(bars));

        KfacImageClassificationTransformer model = Trainer(options => options.ExampleWeightColumnName = "Weight").Fit(Key(rows));

        CollectionAssert.AreEqual((string[])["3 of 30 rows have a weight that is missing, negative or infinite and are left out; the first is row 7, NaN in column 'Weight'"], _warnings);
        IDataView rest = Key(rows.Where(row => row.Weight == 1));
        CollectionAssert.AreEqual(Rows.Read(Trainer().Fit(rest).Transform(rest), "Score"), Rows.Read(model.Transform(rest), "Score"));
    }

    [TestMethod]
    public void The_weight_must_be_a_number_and_the_classes_weights_must_go_with_the_label()
    {
        IDataView bars = Bars.Load(_context, 6, 1);

        AssertSchemaError(bars, options => options.ExampleWeightColumnName = "Weight", "ExampleWeightColumnName 'Weight': expected a Single, but there is no such column");
        AssertSchemaError(bars, options => options.ExampleWeightColumnName = "Kind", "ExampleWeightColumnName 'Kind': expected a Single, but the column is ");
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => Trainer(options => options.ClassWeights = new Dictionary<string, float> { ["flying"] = 2 }).Fit(bars)).Message,
            "ClassWeights has a weight for 'flying', but the values of label 'Label' are lying, standing, leaning");
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => Trainer(options => options.ClassWeights = Bars.Kinds.ToDictionary(kind => kind, _ => 0f)).Fit(bars)).Message,
            "the weights of the training images, times those of their classes, are all 0");
    }

    [TestMethod]
    public void There_must_be_rows_and_usable_ones()
    {
        Bar[] unlabelled = Bars.Make(2, 1), unknown = Bars.Make(2, 1);
        Array.ForEach(unlabelled, bar => bar.Kind = "unheard-of");
        Array.ForEach(unknown, bar => bar.Features[0] = float.NaN);

        Assert.AreEqual("there are no rows to train or validate on", Assert.ThrowsExactly<InvalidOperationException>(() => Trainer().Fit(Key([]))).Message);
        Assert.AreEqual(
            "there are no usable rows to train or validate on: 2 of 2 rows have no label and are left out",
            Assert.ThrowsExactly<InvalidOperationException>(() => Trainer().Fit(Key(unlabelled))).Message);
        StringAssert.StartsWith(
            Assert.ThrowsExactly<InvalidOperationException>(() => Trainer().Fit(Key(unknown))).Message,
            "there are no usable rows to train or validate on: 2 of 2 rows have a pixel that is NaN");
    }

    [TestMethod]
    public void One_class_is_not_enough()
    {
        Bar[] standing = [.. Bars.Make(12, 1).Where(bar => bar.Kind == "standing")];

        Assert.AreEqual(
            "LabelColumnName 'Label': training needs at least two classes, but all 4 usable rows are of one, standing",
            Assert.ThrowsExactly<InvalidOperationException>(() => Trainer().Fit(Key(standing))).Message);
    }

    [TestMethod]
    public void The_network_must_go_with_images_and_classes()
    {
        string message = Assert.ThrowsExactly<ArgumentException>(() => Trainer(options => options.Network = NetworkSpec.For(8, 8, 1).Flatten().Dense(4)).Fit(Bars.Load(_context, 6, 1))).Message;

        StringAssert.Contains(message, "the network takes images of 8x8x1 and gives 4 outputs, but the images are 8x8x1 in 3 classes");
    }

    [TestMethod]
    public void What_is_wrong_with_validation_rows_is_said_of_them_before_any_row_is_read()
    {
        IDataView unread = _context.Data.FilterByCustomPredicate<Bar>(Bars.Load(_context, 6, 1), _ => throw new InvalidOperationException("a row was read"));

        AssertRefused<ArgumentOutOfRangeException>(Bars.Make(6, 1), "ValidationSet: LabelColumnName 'Label': expected a key of 1 to 1000000 values, as MapValueToKey makes of text and numbers, but there is no such column");
        AssertRefused<ArgumentException>(_context.Transforms.Conversion.MapValueToKey("Label", "Number").Fit(Bars.Load(_context, 1, 1)).Transform(Bars.Load(_context, 6, 1)), "ValidationSet: the keys of 'Label' must have the 3 values of the training rows' in the same order, but have 1");
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => Trainer(options => options.ClassWeights = new Dictionary<string, float> { ["rolling"] = 1 }).Fit(unread)).Message, "rolling");

        void AssertRefused<T>(object validation, string expected)
            where T : Exception => StringAssert.StartsWith(
                Assert.ThrowsExactly<T>(() => Trainer().Fit(unread, validation as IDataView ?? _context.Data.LoadFromEnumerable((Bar[])validation))).Message, expected);
    }

    [TestMethod]
    public void Early_stopping_without_validation_images_is_refused() =>
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => Trainer(options => (options.EarlyStoppingCriteria, options.ValidationSetFraction) = (new EarlyStopping(), 0)).Fit(Bars.Load(_context, 6, 1))).Message,
            "EarlyStopping watches validation images, but there are none");

    [TestMethod]
    public void Options_out_of_range_are_named_at_once()
    {
        AssertOption(options => options.Epoch = -1, "Epoch must be 0 (chosen by the images) or more, but is -1");
        AssertOption(options => options.BatchSize = -1, "BatchSize must be 0 (chosen by the number of images) or more, but is -1");
        AssertOption(options => options.Threads = -1, "Threads must be 0 (all processors) or more, but is -1");
        AssertOption(options => options.LearningRate = 0, "LearningRate must be positive and finite, but is 0");
        AssertOption(options => options.LearningRate = float.NaN, "LearningRate must be positive and finite, but is NaN");
        AssertOption(options => options.ValidationSetFraction = 1, "ValidationSetFraction must be in [0, 1), but is 1");
        AssertOption(options => options.ValidationSetFraction = float.NaN, "ValidationSetFraction must be in [0, 1), but is NaN");
        AssertOption(options => options.Optimizer = new KfacOptions { Damping = -1 }, "Damping must be positive and finite, but is -1");
        AssertOption(options => options.Optimizer = null!, "Optimizer must be an optimizer's options, but is null");
        AssertOption(options => options.LearningRateScheduler = null!, "LearningRateScheduler must be a schedule, but is null");
        AssertOption(options => options.EarlyStoppingCriteria = new EarlyStopping(Patience: 0), "EarlyStopping.Patience must be at least 1, but is 0");
        AssertOption(options => options.Layout = (ImageLayout)7, "Layout must be a defined layout, but is 7");
        AssertOption(options => options.MemoryBudget = 0, "MemoryBudget must be at least 1 byte, but is 0");
        AssertOption(options => options.OnCancellation = (CancellationOutcome)3, "OnCancellation must be a defined outcome, but is 3");
        AssertOption(options => options.Augmentation = new AugmentationOptions { Rotation = 181 }, "Augmentation.Rotation must be in [0, 180], but is 181");
        AssertOption(options => options.ParameterAveragingEpochs = -1, "ParameterAveragingEpochs must be 0 or more and finite, but is -1");
        AssertOption(options => options.LabelSmoothing = 1, "LabelSmoothing must be in [0, 1), but is 1");
        AssertOption(options => options.ClassWeights = new Dictionary<string, float> { ["lying"] = -1 }, "ClassWeights must be finite and 0 or more, but is -1");
        AssertOption(options => options.ExampleWeightColumnName = "", "ExampleWeightColumnName must be the name of a column, or null");
        AssertOption(options => options.FeatureColumnName = "", "FeatureColumnName must be the name of a column");
        AssertOption(options => options.LabelColumnName = null!, "LabelColumnName must be the name of a column, but is null");
        AssertOption(options => options.ScoreColumnName = "", "ScoreColumnName must be the name of a column");
        AssertOption(options => options.PredictedLabelColumnName = "Score", "PredictedLabelColumnName must be the name of a column, and another than ScoreColumnName, but is Score");
    }

    private KfacImageClassificationTrainer Trainer(Action<KfacImageClassificationTrainer.Options>? change = null)
    {
        KfacImageClassificationTrainer.Options options = Bars.Options();
        options.Epoch = 1;
        change?.Invoke(options);
        return _context.MulticlassClassification.Trainers.KfacImageClassification(options);
    }

    private IDataView Key(Bar[] bars) => Bars.Key(_context, _context.Data.LoadFromEnumerable(bars));

    private IDataView Load<T>(int? size)
    {
        var definition = SchemaDefinition.Create(typeof(Vectors<T>));
        definition["Features"].ColumnType = size is int known
            ? new VectorDataViewType((PrimitiveDataViewType)((VectorDataViewType)definition["Features"].ColumnType).ItemType, known)
            : definition["Features"].ColumnType;
        return Bars.Key(_context, _context.Data.LoadFromEnumerable(Bars.Kinds.Select(kind => new Vectors<T> { Kind = kind }), definition));
    }

    /// <summary>The complaint must be the same whether it comes of fitting or, before any data, of the schema's shape.</summary>
    private void AssertSchemaError(IDataView data, Action<KfacImageClassificationTrainer.Options> change, string expected)
    {
        KfacImageClassificationTrainer trainer = Trainer(change);
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => trainer.Fit(data)).Message, expected);
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => _context.Transforms.CopyColumns("Copy", "Label").Append(trainer).Fit(data)).Message,
            expected.Split("but the column is")[0]);
    }

    private void AssertOption(Action<KfacImageClassificationTrainer.Options> change, string expected) =>
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => Trainer(change)).Message, expected);

    private sealed class Countless
    {
        [VectorType(64)]
        public float[] Features { get; set; } = new float[64];

        [KeyType(2_000_000)]
        public uint Label { get; set; }
    }

    private sealed class Vectors<T>
    {
        public T[] Features { get; set; } = new T[64];

        public string Kind { get; set; } = "";
    }
}
