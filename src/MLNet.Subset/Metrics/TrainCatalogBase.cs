using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML;

/// <summary>The base of the catalogs of learning tasks.</summary>
public abstract class TrainCatalogBase
{
    private protected TrainCatalogBase(IHostEnvironment env, string registrationName)
    {
        Environment = env.Register(registrationName);
    }

    private protected IHostEnvironment Environment { get; }

    internal IHost NewHost(string name) => Environment.Register(name);

    /// <summary>Fits the estimator on all folds but one, and scores that one, for each fold.</summary>
    private protected IEnumerable<CrossValidationResult<TMetrics>> CrossValidate<TMetrics>(
        IDataView data,
        IEstimator<ITransformer> estimator,
        int numberOfFolds,
        string samplingKeyColumnName,
        int? seed,
        Func<IDataView, TMetrics> evaluate)
        where TMetrics : class
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(estimator);
        IReadOnlyList<DataOperationsCatalog.TrainTestData> folds = RowPartition.Folds(
            (IHost)Environment, data, numberOfFolds, samplingKeyColumnName, seed);
        for (int fold = 0; fold < folds.Count; fold++)
        {
            ITransformer model = estimator.Fit(folds[fold].TrainSet);
            IDataView scored = model.Transform(folds[fold].TestSet);
            yield return new CrossValidationResult<TMetrics>(model, evaluate(scored), scored, fold);
        }
    }

    /// <summary>What one fold gave.</summary>
    public sealed class CrossValidationResult<T>
        where T : class
    {
        public readonly ITransformer Model;
        public readonly T Metrics;
        public readonly IDataView ScoredHoldOutSet;
        public readonly int Fold;

        internal CrossValidationResult(ITransformer model, T metrics, IDataView scored, int fold)
        {
            Model = model;
            Metrics = metrics;
            ScoredHoldOutSet = scored;
            Fold = fold;
        }
    }

    /// <summary>The base of what the extension methods for trainers hang on.</summary>
    public abstract class CatalogInstantiatorBase
    {
        private protected CatalogInstantiatorBase(TrainCatalogBase catalog)
        {
            Owner = catalog;
        }

        internal TrainCatalogBase Owner { get; }
    }
}
