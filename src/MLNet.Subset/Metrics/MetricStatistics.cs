namespace Microsoft.ML.Data;

/// <summary>Mean and spread of a metric over several measurements.</summary>
public sealed class MetricStatistics
{
    // Welford's running sum of squared deviations from the running mean.
    private double _squaredDeviations;

    internal MetricStatistics()
    {
    }

    public double Mean { get; private set; }

    /// <summary>The sample standard deviation; 0 for a single measurement.</summary>
    public double StandardDeviation => Count > 1 ? Math.Sqrt(_squaredDeviations / (Count - 1)) : 0;

    /// <summary>The standard deviation of the mean; 0 for a single measurement.</summary>
    public double StandardError => Count > 1 ? StandardDeviation / Math.Sqrt(Count) : 0;

    public int Count { get; private set; }

    internal void Add(double metric)
    {
        Count++;
        double deviation = metric - Mean;
        Mean += deviation / Count;
        _squaredDeviations += deviation * (metric - Mean);
    }
}

/// <summary>Statistics of the multiclass metrics, or of their changes.</summary>
public sealed class MulticlassClassificationMetricsStatistics
{
    private MetricStatistics[] _perClassLogLoss = [];

    internal MulticlassClassificationMetricsStatistics()
    {
    }

    public MetricStatistics MacroAccuracy { get; } = new();

    public MetricStatistics MicroAccuracy { get; } = new();

    public MetricStatistics LogLoss { get; } = new();

    public MetricStatistics LogLossReduction { get; } = new();

    public MetricStatistics TopKAccuracy { get; } = new();

    public IReadOnlyList<MetricStatistics> PerClassLogLoss => _perClassLogLoss;

    /// <summary>Adds the change from a baseline.</summary>
    internal void AddChange(MulticlassClassificationMetrics metrics, MulticlassClassificationMetrics baseline)
    {
        MacroAccuracy.Add(metrics.MacroAccuracy - baseline.MacroAccuracy);
        MicroAccuracy.Add(metrics.MicroAccuracy - baseline.MicroAccuracy);
        LogLoss.Add(metrics.LogLoss - baseline.LogLoss);
        LogLossReduction.Add(metrics.LogLossReduction - baseline.LogLossReduction);
        TopKAccuracy.Add(metrics.TopKAccuracy - baseline.TopKAccuracy);
        if (_perClassLogLoss.Length == 0)
        {
            _perClassLogLoss = [.. metrics.PerClassLogLoss.Select(_ => new MetricStatistics())];
        }

        for (int i = 0; i < _perClassLogLoss.Length; i++)
        {
            _perClassLogLoss[i].Add(metrics.PerClassLogLoss[i] - baseline.PerClassLogLoss[i]);
        }
    }
}
