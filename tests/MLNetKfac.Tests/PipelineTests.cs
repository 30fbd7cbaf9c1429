using System.Collections.Concurrent;
using System.Collections.Immutable;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetKfac.Tests.Data;

namespace MLNetKfac.Tests;

[TestClass]
public sealed class PipelineTests
{
    private readonly MLContext _context = new(seed: 1);

    [TestMethod]
    public void Learns_to_tell_bars_apart_as_the_metrics_of_MLNET_see_it()
    {
        KfacImageClassificationTransformer model = Trainer().Fit(Bars.Load(_context, 180, 1));

        MulticlassClassificationMetrics metrics = _context.MulticlassClassification.Evaluate(model.Transform(Bars.Load(_context, 90, 2)), topKPredictionCount: 2);

        // Chance is 1/3, and a log loss of ln 3 = 1.1.
        Assert.IsGreaterThan(0.9, metrics.MicroAccuracy);
        Assert.IsGreaterThan(0.9, metrics.MacroAccuracy);
        Assert.IsLessThan(0.3, metrics.LogLoss);
        Assert.IsGreaterThanOrEqualTo(metrics.MicroAccuracy, metrics.TopKAccuracy);
        Assert.AreEqual(3, metrics.ConfusionMatrix.NumberOfClasses);
    }

    [TestMethod]
    public void Labels_go_in_as_text_and_come_out_as_text()
    {
        IDataView train = _context.Data.LoadFromEnumerable(Bars.Make(180, 1)), test = _context.Data.LoadFromEnumerable(Bars.Make(60, 2));

        NamedBar[] named = [.. _context.Data.CreateEnumerable<NamedBar>(TextToText().Fit(train).Transform(test), reuseRowObject: false)];

        Assert.HasCount(60, named);
        Assert.IsGreaterThan(54, named.Count(bar => bar.Name == bar.Kind));
    }

    [TestMethod]
    public void Column_names_alone_are_enough_to_choose_the_trainer()
    {
        IDataView bars = _context.Data.LoadFromEnumerable(Bars.Make(12, 1).Select(bar => new Renamed { Pixels = bar.Features, Class = (uint)bar.Number % 3 + 1 }));

        IDataView scored = _context.MulticlassClassification.Trainers.KfacImageClassification("Class", "Pixels", "Probabilities", "Guess").Fit(bars).Transform(bars);

        CollectionAssert.AreEqual((string[])["Pixels", "Class", "Guess", "Probabilities"], scored.Schema.Select(column => column.Name).ToArray());
        Assert.IsNotNull(_context.MulticlassClassification.Evaluate(scored, "Class", "Probabilities", "Guess"));
    }

    [TestMethod]
    public void A_prediction_engine_gives_the_same_bits_as_a_batch()
    {
        Bar[] test = Bars.Make(100, 2);
        ITransformer model = TextToText().Fit(_context.Data.LoadFromEnumerable(Bars.Make(60, 1)));

        using PredictionEngine<Bar, ScoredBar> engine = _context.Model.CreatePredictionEngine<Bar, ScoredBar>(model);

        string[] single = [.. test.Select(bar => engine.Predict(bar)).Select(Describe)];
        string[] batch = [.. _context.Data.CreateEnumerable<ScoredBar>(model.Transform(_context.Data.LoadFromEnumerable(test)), reuseRowObject: false).Select(Describe)];
        CollectionAssert.AreEqual(batch, single);
        Assert.IsGreaterThan(90, batch.Distinct().Count());
    }

    [TestMethod]
    public void A_model_goes_on_after_an_engine_that_disposed_of_it()
    {
        ITransformer model = TextToText().Fit(_context.Data.LoadFromEnumerable(Bars.Make(30, 1)));
        IDataView test = _context.Data.LoadFromEnumerable(Bars.Make(10, 2));
        string[] before = Rows.Read(model.Transform(test));

        _context.Model.CreatePredictionEngine<Bar, ScoredBar>(model).Dispose();

        CollectionAssert.AreEqual(before, Rows.Read(model.Transform(test)));
    }

    [TestMethod]
    public void Engines_and_cursors_of_one_model_work_at_the_same_time()
    {
        Bar[] test = Bars.Make(40, 2);
        ITransformer model = TextToText().Fit(_context.Data.LoadFromEnumerable(Bars.Make(30, 1)));
        string[] expected = [.. _context.Data.CreateEnumerable<ScoredBar>(model.Transform(_context.Data.LoadFromEnumerable(test)), reuseRowObject: false).Select(Describe)];

        Parallel.For(0, 8, i =>
        {
            var context = new MLContext();
            string[] got = i % 2 == 0
                ? [.. context.Data.CreateEnumerable<ScoredBar>(model.Transform(context.Data.LoadFromEnumerable(test)), reuseRowObject: false).Select(Describe)]
                : Array.ConvertAll(test, bar => Describe(context.Model.CreatePredictionEngine<Bar, ScoredBar>(model).Predict(bar)));
            CollectionAssert.AreEqual(expected, got);
        });
    }

    [TestMethod]
    public void A_pool_of_engines_serves_many_threads()
    {
        Bar[] test = Bars.Make(200, 2);
        ITransformer model = TextToText().Fit(_context.Data.LoadFromEnumerable(Bars.Make(30, 1)));
        string[] expected = [.. _context.Data.CreateEnumerable<ScoredBar>(model.Transform(_context.Data.LoadFromEnumerable(test)), reuseRowObject: false).Select(Describe)];
        var pool = new ConcurrentBag<PredictionEngine<Bar, ScoredBar>>();
        var got = new string[test.Length];

        Parallel.For(0, test.Length, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            PredictionEngine<Bar, ScoredBar> engine = pool.TryTake(out PredictionEngine<Bar, ScoredBar>? idle) ? idle : _context.Model.CreatePredictionEngine<Bar, ScoredBar>(model);
            got[i] = Describe(engine.Predict(test[i]));
            pool.Add(engine);
        });

        CollectionAssert.AreEqual(expected, got);
        foreach (PredictionEngine<Bar, ScoredBar> engine in pool)
        {
            engine.Dispose();
        }
    }

    [TestMethod]
    public void Cross_validation_fits_every_fold()
    {
        IDataView bars = Bars.Load(_context, 180, 1);

        var folds = _context.MulticlassClassification.CrossValidate(bars, Trainer(), numberOfFolds: 3);

        Assert.HasCount(3, folds);
        foreach (var fold in folds)
        {
            Assert.IsGreaterThan(0.8, fold.Metrics.MicroAccuracy);
        }
    }

    [TestMethod]
    public void A_train_test_split_and_caches_change_no_bit_of_what_is_learned()
    {
        DataOperationsCatalog.TrainTestData split = _context.Data.TrainTestSplit(_context.Data.LoadFromEnumerable(Bars.Make(100, 1)), 0.3, seed: 1);
        var toKey = _context.Transforms.Conversion.MapValueToKey("Label", nameof(Bar.Kind));

        string[] plain = Rows.Read(toKey.Append(Trainer()).Fit(split.TrainSet).Transform(split.TestSet));
        string[] cached = Rows.Read(toKey.Append(Trainer()).Fit(_context.Data.Cache(split.TrainSet)).Transform(split.TestSet));
        string[] checkpointed = Rows.Read(toKey.AppendCacheCheckpoint(_context).Append(Trainer()).Fit(split.TrainSet).Transform(_context.Data.Cache(split.TestSet)));

        CollectionAssert.AreEqual(plain, cached);
        CollectionAssert.AreEqual(plain, checkpointed);
    }

    [TestMethod]
    public void Permutation_feature_importance_finds_the_pixels_that_matter()
    {
        // Only the left half shows the bar.
        Bar[] half = Bars.Make(120, 1);
        foreach (Bar bar in half)
        {
            for (int i = 0; i < bar.Features.Length; i++)
            {
                bar.Features[i] = i % Bars.Side < Bars.Side / 2 ? bar.Features[i] : 7;
            }
        }

        IDataView bars = Bars.Key(_context, _context.Data.LoadFromEnumerable(half));
        KfacImageClassificationTransformer model = Trainer().Fit(bars);

        ImmutableArray<MulticlassClassificationMetricsStatistics> importance = _context.MulticlassClassification.PermutationFeatureImportance(model, bars);

        Assert.HasCount(Bars.Side * Bars.Side, importance);
        double[] rise = [.. importance.Select(statistics => statistics.LogLoss.Mean)];
        Assert.IsGreaterThan(0, rise.Where((_, i) => i % Bars.Side < Bars.Side / 2).Max());
        foreach (double still in rise.Where((_, i) => i % Bars.Side >= Bars.Side / 2))
        {
            Assert.AreEqual(0, still);
        }
    }

    private KfacImageClassificationTrainer Trainer() => _context.MulticlassClassification.Trainers.KfacImageClassification(Bars.Options());

    private IEstimator<ITransformer> TextToText() => _context.Transforms.Conversion.MapValueToKey("Label", nameof(Bar.Kind))
        .Append(Trainer())
        .Append(_context.Transforms.Conversion.MapKeyToValue("Name", "PredictedLabel"));

    private static string Describe(ScoredBar bar) => $"{bar.Name} {bar.PredictedLabel} {string.Join(' ', bar.Score.Select(BitConverter.SingleToUInt32Bits))}";

    private sealed class NamedBar
    {
        public string Kind { get; set; } = "";

        public string Name { get; set; } = "";
    }

    private sealed class ScoredBar
    {
        public string Name { get; set; } = "";

        [KeyType(3)]
        public uint PredictedLabel { get; set; }

        public float[] Score { get; set; } = [];
    }

    private sealed class Renamed
    {
        [VectorType(Bars.Side * Bars.Side)]
        public float[] Pixels { get; set; } = [];

        [KeyType(3)]
        public uint Class { get; set; }
    }
}
