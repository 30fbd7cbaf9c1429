using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetKfac.Tests.Data;

namespace MLNetKfac.Tests;

[TestClass]
public sealed class PipelineTests
{
    private readonly MLContext _context = new(seed: 1);

    private sealed class NamedBar
    {
        public string Kind { get; set; } = "";

        public string Name { get; set; } = "";
    }

    [TestMethod]
    public void Learns_to_tell_bars_apart_as_the_metrics_of_MLNET_see_it()
    {
        KfacImageClassificationTransformer model = _context.MulticlassClassification.Trainers.KfacImageClassification(Bars.Options()).Fit(Bars.Load(_context, 180, 1));

        MulticlassClassificationMetrics metrics = _context.MulticlassClassification.Evaluate(model.Transform(Bars.Load(_context, 90, 2)));

        // Chance is 1/3, and a log loss of ln 3 = 1.1.
        Assert.IsGreaterThan(0.9, metrics.MicroAccuracy);
        Assert.IsGreaterThan(0.9, metrics.MacroAccuracy);
        Assert.IsLessThan(0.3, metrics.LogLoss);
        Assert.AreEqual(3, metrics.ConfusionMatrix.NumberOfClasses);
    }

    [TestMethod]
    public void Labels_go_in_as_text_and_come_out_as_text()
    {
        IDataView train = _context.Data.LoadFromEnumerable(Bars.Make(180, 1)), test = _context.Data.LoadFromEnumerable(Bars.Make(60, 2));
        var pipeline = _context.Transforms.Conversion.MapValueToKey("Label", nameof(Bar.Kind))
            .Append(_context.MulticlassClassification.Trainers.KfacImageClassification(Bars.Options()))
            .Append(_context.Transforms.Conversion.MapKeyToValue("Name", "PredictedLabel"));

        NamedBar[] named = [.. _context.Data.CreateEnumerable<NamedBar>(pipeline.Fit(train).Transform(test), reuseRowObject: false)];

        Assert.HasCount(60, named);
        Assert.IsGreaterThan(54, named.Count(bar => bar.Name == bar.Kind));
    }
}
