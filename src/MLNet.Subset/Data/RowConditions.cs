namespace Microsoft.ML.Data;

/// <summary>Conditions on the current row.</summary>
internal static class RowConditions
{
    /// <summary>Whether a Single or Double lies in [lower, upper); NaN lies in no range.</summary>
    public static Func<bool> InRange(DataViewRow row, DataViewSchema.Column column, double lower, double upper)
    {
        if (column.Type == NumberDataViewType.Double)
        {
            ValueGetter<double> getDouble = row.GetGetter<double>(column);
            return () =>
            {
                double value = 0;
                getDouble(ref value);
                return value >= lower && value < upper;
            };
        }

        ValueGetter<float> getSingle = row.GetGetter<float>(column);
        return () =>
        {
            float value = 0;
            getSingle(ref value);
            return value >= lower && value < upper;
        };
    }

    /// <summary>Whether neither the value, nor any item of the vector, is missing.</summary>
    public static Func<bool> HasNoMissing(DataViewRow row, DataViewSchema.Column column)
        => TypeArgument.Close(HasNoMissing<int>, column.Type.ItemTypeOrSelf.RawType)(row, column);

    /// <summary>Whether a type has a missing value to test for. Empty text is a value here, though it never gets a key.</summary>
    public static bool CanBeMissing(DataViewType type)
        => type.ItemTypeOrSelf is KeyDataViewType
            || type.ItemTypeOrSelf == NumberDataViewType.Single
            || type.ItemTypeOrSelf == NumberDataViewType.Double;

    private static Func<bool> HasNoMissing<T>(DataViewRow row, DataViewSchema.Column column)
    {
        Func<T, bool> isMissing = MissingValue.PredicateOrNull<T>(column.Type.ItemTypeOrSelf);
        if (column.Type is not VectorDataViewType)
        {
            ValueGetter<T> getItem = row.GetGetter<T>(column);
            T item = default;
            return () =>
            {
                getItem(ref item);
                return !isMissing(item);
            };
        }

        ValueGetter<VBuffer<T>> getVector = row.GetGetter<VBuffer<T>>(column);
        VBuffer<T> vector = default;
        return () =>
        {
            getVector(ref vector);
            return !vector.Items(all: true).Any(item => isMissing(item.Value));
        };
    }
}
