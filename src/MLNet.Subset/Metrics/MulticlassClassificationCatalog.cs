using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML;

/// <summary>Trainers and metrics for telling several classes apart.</summary>
public sealed class MulticlassClassificationCatalog : TrainCatalogBase
{
    internal MulticlassClassificationCatalog(IHostEnvironment env)
        : base(env, nameof(MulticlassClassificationCatalog))
    {
        Trainers = new MulticlassClassificationTrainers(this);
    }

    public MulticlassClassificationTrainers Trainers { get; }

    /// <summary>Compares scores, taken as probabilities, with labels, over all rows.</summary>
    public MulticlassClassificationMetrics Evaluate(
        IDataView data,
        string labelColumnName = "Label",
        string scoreColumnName = "Score",
        string predictedLabelColumnName = "PredictedLabel",
        int topKPredictionCount = 0)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentOutOfRangeException.ThrowIfNegative(topKPredictionCount);
        data.Schema.RequireColumn(predictedLabelColumnName, "predicted label");
        var tally = new MulticlassTally(data.Schema, labelColumnName, scoreColumnName);
        using (DataViewRowCursor cursor = data.GetRowCursor(tally.Columns))
        {
            tally.AddRows(cursor);
        }

        using IChannel channel = Environment.Start("Evaluate");
        if (tally.UnknownLabels > 0)
        {
            channel.Warning(
                MessageSensitivity.None,
                "{0} rows have a label beyond the scores, as of a class that was not trained; they count as errors and raise the log loss.",
                tally.UnknownLabels);
        }

        return tally.ToMetrics(topKPredictionCount);
    }

    /// <summary>Fits and evaluates on each of several folds.</summary>
    public IReadOnlyList<CrossValidationResult<MulticlassClassificationMetrics>> CrossValidate(
        IDataView data,
        IEstimator<ITransformer> estimator,
        int numberOfFolds = 5,
        string labelColumnName = "Label",
        string samplingKeyColumnName = null,
        int? seed = null)
        => [.. CrossValidate(data, estimator, numberOfFolds, samplingKeyColumnName, seed, scored => Evaluate(scored, labelColumnName))];

    /// <summary>What the extension methods for multiclass trainers hang on.</summary>
    public sealed class MulticlassClassificationTrainers : CatalogInstantiatorBase
    {
        internal MulticlassClassificationTrainers(MulticlassClassificationCatalog catalog)
            : base(catalog)
        {
        }
    }
}
