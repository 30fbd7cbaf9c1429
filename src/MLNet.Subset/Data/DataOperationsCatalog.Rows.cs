using Microsoft.ML.Data;

namespace Microsoft.ML;

public sealed partial class DataOperationsCatalog
{
    /// <summary>The rows in random order; columns that cannot be kept in a pool, such as images, are dropped.</summary>
    /// <param name="input">The rows.</param>
    /// <param name="seed">Makes the order repeatable.</param>
    /// <param name="shufflePoolSize">How many rows are kept to choose from.</param>
    /// <param name="shuffleSource">Whether a source that can shuffle its rows does so too.</param>
    public IDataView ShuffleRows(IDataView input, int? seed = null, int shufflePoolSize = 1000, bool shuffleSource = true)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(shufflePoolSize);
        return new ShuffledDataView(KeptColumns.Of(input), seed ?? _host.Rand.Next(), shufflePoolSize, shuffleSource);
    }

    /// <summary>The first rows.</summary>
    public IDataView TakeRows(IDataView input, long count)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        return new RowRangeDataView(input, skip: 0, take: count);
    }

    /// <summary>All rows but the first.</summary>
    public IDataView SkipRows(IDataView input, long count)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        return new RowRangeDataView(input, skip: count, take: long.MaxValue);
    }

    /// <summary>The rows whose number lies in [lower, upper).</summary>
    public IDataView FilterRowsByColumn(
        IDataView input, string columnName, double lowerBound = double.NegativeInfinity, double upperBound = double.PositiveInfinity)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (!(lowerBound < upperBound))
        {
            throw new ArgumentOutOfRangeException(nameof(upperBound), upperBound, $"The upper bound lies above the lower one, {lowerBound}.");
        }

        DataViewSchema.Column column = input.Schema[columnName];
        if (column.Type != NumberDataViewType.Single && column.Type != NumberDataViewType.Double)
        {
            throw SchemaMismatch.WrongType(nameof(columnName), "filter", columnName, "Single or Double", column.Type.ToString());
        }

        return new FilteredDataView(input, input.CanShuffle, [column], row => RowConditions.InRange(row, column, lowerBound, upperBound));
    }

    /// <summary>The rows that miss nothing in the columns named.</summary>
    public IDataView FilterRowsByMissingValues(IDataView input, params string[] columns)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (columns is not { Length: > 0 })
        {
            throw new ArgumentOutOfRangeException(nameof(columns), "Name the columns that must not miss a value.");
        }

        DataViewSchema.Column[] conditionColumns = [.. columns.Select(name => input.Schema[name])];
        foreach (DataViewSchema.Column column in conditionColumns)
        {
            if (!RowConditions.CanBeMissing(column.Type))
            {
                throw SchemaMismatch.WrongType(
                    nameof(columns), "filter", column.Name, "Single, Double or Key, or vector of them", column.Type.ToString());
            }
        }

        return new FilteredDataView(input, input.CanShuffle, conditionColumns, row =>
        {
            Func<bool>[] conditions = [.. conditionColumns.Select(column => RowConditions.HasNoMissing(row, column))];
            return () => Array.TrueForAll(conditions, condition => condition());
        });
    }
}
