using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetKfac.Tests.Data;

namespace MLNetKfac.Tests;

/// <summary>Weights of rows and classes, and label smoothing, as they change what is learned.</summary>
[TestClass]
public sealed class WeightTests
{
    private readonly MLContext _context = new(seed: 1);

    [TestMethod]
    public void Rows_of_weight_0_teach_nothing()
    {
        // Every other row is mislabelled, and weighs nothing or as much as the others.
        Weighted[] Rows(float weight) => [.. Bars.Make(360, 1).Select((bar, n) => n % 2 == 0 ? new Weighted(bar, 1) : new Weighted(bar, weight) { Kind = Bars.Kinds[(n + 1) % 3] })];

        Assert.IsGreaterThan(0.9, Accuracy(Fit(Rows(0), options => options.ExampleWeightColumnName = "Weight")));
        Assert.IsLessThan(0.8, Accuracy(Fit(Rows(1), options => options.ExampleWeightColumnName = "Weight")));
    }

    [TestMethod]
    public void Only_the_ratios_of_weights_matter()
    {
        Weighted[] Rows(float unit) => [.. Bars.Make(90, 1).Select((bar, n) => new Weighted(bar, unit * (1 + (n % 2))))];

        string[] Weights(float unit) => Scores(Fit(Rows(unit), options => options.ExampleWeightColumnName = "Weight"));
        CollectionAssert.AreEqual(Weights(1), Weights(4));
        CollectionAssert.AreNotEqual(Weights(1), Scores(Fit(Rows(1), _ => { })));
    }

    [TestMethod]
    public void Weights_of_classes_are_weights_of_their_rows()
    {
        Bar[] bars = Bars.Make(90, 1);
        Weighted[] rows = [.. bars.Select(bar => new Weighted(bar, bar.Kind == "standing" ? 4 : 1))];

        CollectionAssert.AreEqual(
            Scores(Fit(rows, options => options.ExampleWeightColumnName = "Weight")),
            Scores(Fit(rows, options => options.ClassWeights = new Dictionary<string, float> { ["standing"] = 4 })));
    }

    [TestMethod]
    public void Balancing_makes_up_for_rare_classes()
    {
        // 8 standing bars to 64 of the others: a weight of 8 each.
        Weighted[] rows = [.. Bars.Make(192, 1).Where((bar, n) => bar.Kind != "standing" || n < 24).Select(bar => new Weighted(bar, bar.Kind == "standing" ? 8 : 1))];

        CollectionAssert.AreEqual(
            Scores(Fit(rows, options => options.ClassWeights = new Dictionary<string, float> { ["standing"] = 8 })),
            Scores(Fit(rows, options => options.BalanceClasses = true)));
    }

    [TestMethod]
    public void Smoothed_labels_make_modest_probabilities()
    {
        Weighted[] rows = [.. Bars.Make(180, 1).Select(bar => new Weighted(bar, 1))];

        double Surest(float smoothing) => Probabilities(Fit(rows, options => options.LabelSmoothing = smoothing)).Average(row => row.Max());
        Assert.IsGreaterThan(Surest(0.3f) + 0.05, Surest(0));
    }

    private KfacImageClassificationTransformer Fit(Weighted[] rows, Action<KfacImageClassificationTrainer.Options> change)
    {
        KfacImageClassificationTrainer.Options options = Bars.Options();
        change(options);
        return _context.MulticlassClassification.Trainers.KfacImageClassification(options).Fit(Bars.Key(_context, _context.Data.LoadFromEnumerable(rows)));
    }

    private double Accuracy(KfacImageClassificationTransformer model) =>
        _context.MulticlassClassification.Evaluate(model.Transform(Bars.Load(_context, 90, 2))).MicroAccuracy;

    private string[] Scores(KfacImageClassificationTransformer model) => Rows.Read(model.Transform(Bars.Load(_context, 30, 2)), "Score");

    private IEnumerable<float[]> Probabilities(KfacImageClassificationTransformer model) =>
        model.Transform(Bars.Load(_context, 30, 2)).GetColumn<float[]>("Score");
}
