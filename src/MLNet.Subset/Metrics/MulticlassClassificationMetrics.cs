namespace Microsoft.ML.Data;

/// <summary>How well scores tell classes apart.</summary>
public sealed class MulticlassClassificationMetrics
{
    internal MulticlassClassificationMetrics()
    {
    }

    /// <summary>The mean of -ln(probability of the true class).</summary>
    public double LogLoss { get; internal init; }

    /// <summary>1 - log loss / log loss of predicting the class frequencies: 1 is perfect, 0 is useless.</summary>
    public double LogLossReduction { get; internal init; }

    /// <summary>The mean over classes of the fraction of their rows that are predicted right.</summary>
    public double MacroAccuracy { get; internal init; }

    /// <summary>The fraction of rows that are predicted right.</summary>
    public double MicroAccuracy { get; internal init; }

    /// <summary>The fraction of rows whose class is among the best k scores, for the k asked for.</summary>
    public double TopKAccuracy => TopKAccuracyForAllK?[^1] ?? 0;

    public int TopKPredictionCount { get; internal init; }

    /// <summary>The same for each k from 1; null if no k was asked for.</summary>
    public IReadOnlyList<double> TopKAccuracyForAllK { get; internal init; }

    /// <summary>The log loss over the rows of each class.</summary>
    public IReadOnlyList<double> PerClassLogLoss { get; internal init; }

    public ConfusionMatrix ConfusionMatrix { get; internal init; }
}
