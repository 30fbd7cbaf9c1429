using System.Collections.Immutable;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetKfac.Tests.Subset;

[TestClass]
public sealed class MetricsTests
{
    private readonly MLContext _ml = new(seed: 1);

    // True classes 0, 0, 1, 2 with predictions 0, 1, 1, 0: two right of four.
    private static readonly Scored[] Rows =
    [
        new() { Label = 0, Score = [0.7f, 0.2f, 0.1f] },
        new() { Label = 0, Score = [0.3f, 0.6f, 0.1f] },
        new() { Label = 1, Score = [0.25f, 0.5f, 0.25f] },
        new() { Label = 2, Score = [0.5f, 0.3f, 0.2f] },
    ];

    [TestMethod]
    public void AccuraciesAreOfRowsAndOfClasses()
    {
        MulticlassClassificationMetrics metrics = Evaluate(Rows);

        Assert.AreEqual(0.5, metrics.MicroAccuracy, 1e-12);
        Assert.AreEqual((0.5 + 1 + 0) / 3, metrics.MacroAccuracy, 1e-12);
        Assert.AreEqual(0, metrics.TopKPredictionCount);
        Assert.AreEqual(0, metrics.TopKAccuracy);
        Assert.IsNull(metrics.TopKAccuracyForAllK);
    }

    [TestMethod]
    public void LogLossIsTheMeanSurprise()
    {
        MulticlassClassificationMetrics metrics = Evaluate(Rows);

        double[] losses = [-Math.Log(0.7f), -Math.Log(0.3f), -Math.Log(0.5f), -Math.Log(0.2f)];
        double prior = -((0.5 * Math.Log(0.5)) + (0.5 * Math.Log(0.25)));
        Assert.AreEqual(losses.Average(), metrics.LogLoss, 1e-7);
        Assert.AreEqual((prior - losses.Average()) / prior, metrics.LogLossReduction, 1e-7);
        Assert.AreEqual((losses[0] + losses[1]) / 2, metrics.PerClassLogLoss[0], 1e-7);
        Assert.AreEqual(losses[2], metrics.PerClassLogLoss[1], 1e-7);
        Assert.AreEqual(losses[3], metrics.PerClassLogLoss[2], 1e-7);
    }

    [TestMethod]
    public void TheConfusionMatrixHasTrueClassesAsRows()
    {
        ConfusionMatrix matrix = Evaluate(Rows).ConfusionMatrix;

        Assert.AreEqual(3, matrix.NumberOfClasses);
        CollectionAssert.AreEqual(new double[] { 1, 1, 0 }, matrix.Counts[0].ToArray());
        CollectionAssert.AreEqual(new double[] { 0, 1, 0 }, matrix.Counts[1].ToArray());
        CollectionAssert.AreEqual(new double[] { 1, 0, 0 }, matrix.Counts[2].ToArray());
        Assert.AreEqual(1, matrix.GetCountForClassPair(predictedClassIndicatorIndex: 0, actualClassIndicatorIndex: 2));
        Assert.AreEqual(0, matrix.GetCountForClassPair(predictedClassIndicatorIndex: 2, actualClassIndicatorIndex: 0));
        CollectionAssert.AreEqual(new[] { 0.5, 0.5, 0 }, matrix.PerClassPrecision.ToArray());
        CollectionAssert.AreEqual(new double[] { 0.5, 1, 0 }, matrix.PerClassRecall.ToArray());
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => matrix.GetCountForClassPair(3, 0));
        StringAssert.Contains(matrix.GetFormattedConfusionTable(), "0.5000");
    }

    [TestMethod]
    public void TopKCountsARowIfItsClassIsAmongTheBestK()
    {
        MulticlassClassificationMetrics metrics = Evaluate(Rows, topK: 3);

        CollectionAssert.AreEqual(new[] { 0.5, 0.75, 1 }, metrics.TopKAccuracyForAllK.ToArray());
        Assert.AreEqual(1, metrics.TopKAccuracy);
        Assert.AreEqual(3, metrics.TopKPredictionCount);
    }

    [TestMethod]
    public void OfEqualScoresTheFirstOneCounts()
    {
        MulticlassClassificationMetrics metrics = Evaluate(
            [new() { Label = 0, Score = [0.5f, 0.5f, 0] }, new() { Label = 1, Score = [0.5f, 0.5f, 0] }], topK: 2);

        Assert.AreEqual(0.5, metrics.MicroAccuracy);
        CollectionAssert.AreEqual(new[] { 0.5, 1 }, metrics.TopKAccuracyForAllK.ToArray());
    }

    [TestMethod]
    public void RowsWithoutLabelOrWithBadScoresDoNotCount()
    {
        MulticlassClassificationMetrics metrics = Evaluate(
        [
            .. Rows,
            new() { Label = 9, Score = [1, 0, 0] }, // beyond the key's count, so missing
            new() { Label = 1, Score = [float.NaN, 1, 0] },
            new() { Label = 1, Score = [float.PositiveInfinity, 1, 0] },
        ]);

        Assert.AreEqual(0.5, metrics.MicroAccuracy, 1e-12);
        Assert.AreEqual(4, metrics.ConfusionMatrix.Counts.Sum(row => row.Sum()));
    }

    [TestMethod]
    public void ASureMistakeHasALargeButFiniteLoss()
    {
        MulticlassClassificationMetrics metrics = Evaluate([new() { Label = 0, Score = [0, 1, 0] }, new() { Label = 1, Score = [0, 1, 0] }]);

        Assert.AreEqual(-Math.Log(1e-15f) / 2, metrics.LogLoss, 1e-6);
    }

    [TestMethod]
    public void ALabelBeyondTheScoresIsAMistakeOfNoClass()
    {
        IDataView data = _ml.Data.LoadFromEnumerable<WideLabel>(
            [new() { Label = 0, Score = [0.5f, 0.5f] }, new() { Label = 4, Score = [0.5f, 0.5f] }]);

        MulticlassClassificationMetrics metrics = _ml.MulticlassClassification.Evaluate(data);

        Assert.AreEqual(0.5, metrics.MicroAccuracy);
        Assert.AreEqual(1, metrics.MacroAccuracy);
        Assert.AreEqual((Math.Log(2) - Math.Log(1e-15f)) / 2, metrics.LogLoss, 1e-6);
        Assert.AreEqual(1, metrics.ConfusionMatrix.Counts.Sum(row => row.Sum()));
    }

    [TestMethod]
    public void ScoresMustBeAVectorOfKnownSizeAndLabelsKeys()
    {
        IDataView variable = _ml.Data.LoadFromEnumerable<VariableScore>([new() { Score = [1, 0] }]);
        IDataView text = _ml.Data.LoadFromEnumerable<TextLabel>([new() { Score = [1, 0] }]);
        IDataView good = _ml.Data.LoadFromEnumerable(Rows);

        StringAssert.Contains(Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => _ml.MulticlassClassification.Evaluate(variable)).Message, "Score");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => _ml.MulticlassClassification.Evaluate(text)).Message, "Label");
        Assert.Throws<ArgumentOutOfRangeException>(() => _ml.MulticlassClassification.Evaluate(good, predictedLabelColumnName: "Missing"));
        Assert.Throws<ArgumentOutOfRangeException>(() => _ml.MulticlassClassification.Evaluate(good, topKPredictionCount: -1));
    }

    [TestMethod]
    public void CrossValidationFitsAndEvaluatesEachFold()
    {
        IDataView data = _ml.Data.LoadFromEnumerable(Enumerable.Range(0, 60).Select(i => Rows[i % 4]));
        int fitted = 0;
        IEstimator<ITransformer> estimator = _ml.Transforms.CopyColumns("Copy", "Score").WithOnFitDelegate(_ => fitted++);

        IReadOnlyList<TrainCatalogBase.CrossValidationResult<MulticlassClassificationMetrics>> results
            = _ml.MulticlassClassification.CrossValidate(data, estimator, numberOfFolds: 3, seed: 1);

        Assert.AreEqual(3, fitted);
        CollectionAssert.AreEqual(new[] { 0, 1, 2 }, results.Select(result => result.Fold).ToArray());
        Assert.AreEqual(60, results.Sum(result => result.ScoredHoldOutSet.GetColumn<uint>("Label").Count()));
        Assert.IsTrue(results.All(result => result.Metrics.LogLoss > 0 && result.Model is not null));
    }

    [TestMethod]
    public void PermutingTheOnlyFeatureThatCountsHurts()
    {
        var random = new Random(4);
        IDataView data = _ml.Data.LoadFromEnumerable(Enumerable.Range(0, 100).Select(i => new Example
        {
            Label = (uint)(i % 2),
            Features = [i % 2, random.NextSingle()],
        }).ToArray());

        ImmutableArray<MulticlassClassificationMetricsStatistics> importance = _ml.MulticlassClassification.PermutationFeatureImportance(
            new FirstFeatureScorer(_ml), data, permutationCount: 3);

        Assert.HasCount(2, importance);
        Assert.AreEqual(3, importance[0].MicroAccuracy.Count);
        Assert.IsLessThan(-0.2, importance[0].MicroAccuracy.Mean);
        Assert.IsGreaterThan(0, importance[0].LogLoss.Mean);
        Assert.AreEqual(0, importance[1].MicroAccuracy.Mean);
        Assert.AreEqual(0, importance[1].MicroAccuracy.StandardDeviation);
        Assert.AreEqual(importance[0].MicroAccuracy.StandardDeviation / Math.Sqrt(3), importance[0].MicroAccuracy.StandardError, 1e-12);
    }

    private MulticlassClassificationMetrics Evaluate(Scored[] rows, int topK = 0)
        => _ml.MulticlassClassification.Evaluate(_ml.Data.LoadFromEnumerable(rows), topKPredictionCount: topK);

    private sealed class Scored
    {
        [KeyType(3)]
        public uint Label { get; set; }

        [VectorType(3)]
        public float[] Score = [];

        [KeyType(3)]
        public uint PredictedLabel { get; set; }
    }

    private sealed class WideLabel
    {
        [KeyType(5)]
        public uint Label { get; set; }

        [VectorType(2)]
        public float[] Score = [];

        [KeyType(5)]
        public uint PredictedLabel { get; set; }
    }

    private sealed class VariableScore
    {
        [KeyType(2)]
        public uint Label { get; set; }

        public float[] Score = [];

        [KeyType(2)]
        public uint PredictedLabel { get; set; }
    }

    private sealed class TextLabel
    {
        public string Label = "";

        [VectorType(2)]
        public float[] Score = [];

        [KeyType(2)]
        public uint PredictedLabel { get; set; }
    }

    private sealed class Example
    {
        [KeyType(2)]
        public uint Label { get; set; }

        [VectorType(2)]
        public float[] Features = [];
    }

    /// <summary>Predicts the class that the first feature says.</summary>
    private sealed class FirstFeatureScorer(MLContext ml) : ISingleFeaturePredictionTransformer<object>
    {
        private readonly ITransformer _scorer = ml.Transforms.CustomMapping<Input, Output>(
            (input, output) =>
            {
                output.Score = input.Features[0] > 0.5f ? [0.1f, 0.9f] : [0.9f, 0.1f];
                output.PredictedLabel = input.Features[0] > 0.5f ? 1u : 0u;
            },
            contractName: null).Fit(ml.Data.LoadFromEnumerable<Example>([]));

        public string FeatureColumnName => "Features";

        public DataViewType FeatureColumnType => new VectorDataViewType(NumberDataViewType.Single, 2);

        public object Model => this;

        public bool IsRowToRowMapper => true;

        public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => _scorer.GetOutputSchema(inputSchema);

        public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => _scorer.GetRowToRowMapper(inputSchema);

        public IDataView Transform(IDataView input) => _scorer.Transform(input);

        public void Save(ModelSaveContext ctx) => throw new NotSupportedException();

        private sealed class Input
        {
            [VectorType(2)]
            public float[] Features = [];
        }

        private sealed class Output
        {
            [VectorType(2)]
            public float[] Score = [];

            [KeyType(2)]
            public uint PredictedLabel { get; set; }
        }
    }
}
