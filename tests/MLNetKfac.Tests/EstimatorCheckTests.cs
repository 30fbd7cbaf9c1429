using Microsoft.ML;
using MLNetKfac.Tests.Data;

namespace MLNetKfac.Tests;

[TestClass]
public sealed class EstimatorCheckTests
{
    private readonly MLContext _context = new(seed: 1);

    [TestMethod]
    public void The_trainer_is_an_estimator_like_any_other() =>
        EstimatorCheck.Run(_context, _context.MulticlassClassification.Trainers.KfacImageClassification(Bars.Options()), Bars.Load(_context, 150, 1));

    [TestMethod]
    public void So_it_is_behind_others_and_before_others()
    {
        IEstimator<ITransformer> chain = _context.Transforms.Conversion.MapValueToKey("Label", nameof(Bar.Kind))
            .AppendCacheCheckpoint(_context)
            .Append(_context.MulticlassClassification.Trainers.KfacImageClassification(Bars.Options()))
            .Append(_context.Transforms.Conversion.MapKeyToValue("Name", "PredictedLabel"));

        EstimatorCheck.Run(_context, chain, _context.Data.LoadFromEnumerable(Bars.Make(150, 1)));
    }

    [TestMethod]
    public void So_it_is_with_other_column_names_and_a_label_of_numbers()
    {
        IDataView bars = _context.Data.LoadFromEnumerable(Bars.Make(150, 1).Select(bar => new Renamed { Pixels = bar.Features, Class = (int)bar.Number % 3 * 10, Number = bar.Number }));
        KfacImageClassificationTrainer.Options options = Bars.Options();
        (options.FeatureColumnName, options.LabelColumnName) = (nameof(Renamed.Pixels), "Key");
        (options.ScoreColumnName, options.PredictedLabelColumnName) = ("Probabilities", "Guess");

        EstimatorCheck.Run(
            _context, _context.MulticlassClassification.Trainers.KfacImageClassification(options),
            _context.Transforms.Conversion.MapValueToKey("Key", nameof(Renamed.Class)).Fit(bars).Transform(bars));
    }

    [TestMethod]
    public void So_it_is_where_the_input_already_has_columns_of_its_outputs_names()
    {
        IDataView once = _context.MulticlassClassification.Trainers.KfacImageClassification(Bars.Options()).Fit(Bars.Load(_context, 150, 2)).Transform(Bars.Load(_context, 150, 1));

        EstimatorCheck.Run(_context, _context.MulticlassClassification.Trainers.KfacImageClassification(Bars.Options()), once);
    }

    private sealed class Renamed
    {
        [Microsoft.ML.Data.VectorType(Bars.Side * Bars.Side)]
        public float[] Pixels { get; set; } = [];

        public int Class { get; set; }

        public float Number { get; set; }
    }
}
