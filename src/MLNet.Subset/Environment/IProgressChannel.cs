namespace Microsoft.ML.Runtime;

/// <summary>Opens channels that report how far a computation is.</summary>
public interface IProgressChannelProvider
{
    /// <summary>Opens a progress channel.</summary>
    IProgressChannel StartProgressChannel(string name);
}

/// <summary>Reports how far a computation is.</summary>
public interface IProgressChannel : IProgressChannelProvider, IDisposable
{
    /// <summary>Sets what the numbers mean and how to ask for the current ones.</summary>
    void SetHeader(ProgressHeader header, Action<IProgressEntry> fillAction);

    /// <summary>Reports numbers now: the metrics first, then the progress units.</summary>
    void Checkpoint(params double?[] values);
}

/// <summary>One set of progress numbers, filled by the computation when asked.</summary>
public interface IProgressEntry
{
    void SetProgress(int index, double value);

    void SetProgress(int index, double value, double lim);

    void SetMetric(int index, double value);
}

/// <summary>The names of progress units and of metrics.</summary>
public sealed class ProgressHeader
{
    public readonly IReadOnlyList<string> UnitNames;
    public readonly IReadOnlyList<string> MetricNames;

    public ProgressHeader(string[] metricNames, string[] unitNames)
    {
        MetricNames = metricNames ?? [];
        UnitNames = unitNames ?? [];
    }

    public ProgressHeader(params string[] unitNames)
        : this(null, unitNames)
    {
    }
}
