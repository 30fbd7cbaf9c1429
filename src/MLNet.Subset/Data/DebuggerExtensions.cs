using Microsoft.ML.Data;

namespace Microsoft.ML;

/// <summary>Looks at the first rows, for debugging.</summary>
public static class DebuggerExtensions
{
    public static DataDebuggerPreview Preview(this IDataView data, int maxRows = 100) => new(data, maxRows);

    public static DataDebuggerPreview Preview(this ITransformer transformer, IDataView data, int maxRows = 100)
    {
        ArgumentNullException.ThrowIfNull(transformer);
        return transformer.Transform(data).Preview(maxRows);
    }

    /// <summary>Fits on the first rows only.</summary>
    public static DataDebuggerPreview Preview(
        this IEstimator<ITransformer> estimator, IDataView data, int maxRows = 100, int maxTrainingRows = 100)
    {
        ArgumentNullException.ThrowIfNull(estimator);
        return estimator.Fit(new RowRangeDataView(data, skip: 0, take: maxTrainingRows)).Preview(data, maxRows);
    }
}
