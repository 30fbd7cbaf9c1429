using Microsoft.ML.Data;

namespace Microsoft.ML;

public sealed partial class DataOperationsCatalog
{
    /// <summary>Splits the rows at random into two sets without overlap; rows with the same sampling key stay together.</summary>
    public TrainTestData TrainTestSplit(
        IDataView data, double testFraction = 0.1, string samplingKeyColumnName = null, int? seed = null)
    {
        ArgumentNullException.ThrowIfNull(data);
        return RowPartition.Split(_host, data, testFraction, samplingKeyColumnName, seed);
    }

    /// <summary>Splits the rows at random into folds; each is the test set once, and the others then train.</summary>
    public IReadOnlyList<TrainTestData> CrossValidationSplit(
        IDataView data, int numberOfFolds = 5, string samplingKeyColumnName = null, int? seed = null)
    {
        ArgumentNullException.ThrowIfNull(data);
        return RowPartition.Folds(_host, data, numberOfFolds, samplingKeyColumnName, seed);
    }

    /// <summary>Rows to fit on and rows to evaluate on.</summary>
    public struct TrainTestData
    {
        public readonly IDataView TrainSet;
        public readonly IDataView TestSet;

        internal TrainTestData(IDataView trainSet, IDataView testSet)
        {
            TrainSet = trainSet;
            TestSet = testSet;
        }
    }
}
