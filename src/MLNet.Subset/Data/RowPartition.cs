using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>
/// Splits rows at random, but the same way on every pass and in whatever order they come: each row gets a number in [0, 1)
/// from a seed and its identity, or from a seed and the value of a column, so that rows of equal value stay together.
/// </summary>
internal static class RowPartition
{
    public static DataOperationsCatalog.TrainTestData Split(
        IHost host, IDataView data, double testFraction, string samplingKeyColumnName, int? seed)
    {
        if (testFraction is not (> 0 and < 1))
        {
            throw new ArgumentOutOfRangeException(nameof(testFraction), testFraction, "The fraction of test rows lies between 0 and 1, both excluded.");
        }

        return Split(data, 0, testFraction, samplingKeyColumnName, SeedOrRandom(host, seed));
    }

    public static IReadOnlyList<DataOperationsCatalog.TrainTestData> Folds(
        IHost host, IDataView data, int numberOfFolds, string samplingKeyColumnName, int? seed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(numberOfFolds, 2);
        ulong hashSeed = SeedOrRandom(host, seed);
        return [.. Enumerable.Range(0, numberOfFolds).Select(fold
            => Split(data, (double)fold / numberOfFolds, (fold + 1.0) / numberOfFolds, samplingKeyColumnName, hashSeed))];
    }

    private static ulong SeedOrRandom(IHost host, int? seed) => (ulong)(seed ?? host.Rand.Next());

    private static DataOperationsCatalog.TrainTestData Split(
        IDataView data, double testFrom, double testTo, string samplingKeyColumnName, ulong seed)
    {
        DataViewSchema.Column? key = samplingKeyColumnName is null ? null : data.Schema.RequireColumn(samplingKeyColumnName, "sampling key");
        bool IsTest(double place) => place >= testFrom && place < testTo;
        return new DataOperationsCatalog.TrainTestData(
            new FilteredDataView(data, canShuffle: false, KeyColumns(key), row => Condition(row, key, seed, place => !IsTest(place))),
            new FilteredDataView(data, canShuffle: false, KeyColumns(key), row => Condition(row, key, seed, IsTest)));
    }

    private static DataViewSchema.Column[] KeyColumns(DataViewSchema.Column? key) => key is DataViewSchema.Column column ? [column] : [];

    private static Func<bool> Condition(DataViewRow row, DataViewSchema.Column? key, ulong seed, Func<double, bool> accepts)
    {
        Func<DataViewRowId> identity = key is DataViewSchema.Column column
            ? TypeArgument.Close(MakeValueIdentity<int>, column.Type.RawType)(row, column)
            : MakeRowIdentity(row);
        return () => accepts(Place(identity(), seed));
    }

    private static double Place(DataViewRowId identity, ulong seed)
        => (identity.Combine(new DataViewRowId(seed, 0)).Low >> 11) * (1.0 / (1UL << 53));

    private static Func<DataViewRowId> MakeRowIdentity(DataViewRow row)
    {
        ValueGetter<DataViewRowId> getter = row.GetIdGetter();
        DataViewRowId id = default;
        return () =>
        {
            getter(ref id);
            return id;
        };
    }

    private static Func<DataViewRowId> MakeValueIdentity<T>(DataViewRow row, DataViewSchema.Column column)
    {
        ValueFormat<T> format = ValueFormat.For<T>();
        ValueGetter<T> getter = row.GetGetter<T>(column);
        var bytes = new MemoryStream();
        var writer = new BinaryWriter(bytes);
        T value = default;
        return () =>
        {
            getter(ref value);
            bytes.SetLength(0);
            format.Write(writer, value);
            writer.Flush();
            ulong hash = 14695981039346656037; // FNV-1a: the same in every process, unlike GetHashCode of a string.
            foreach (byte b in bytes.GetBuffer().AsSpan(0, (int)bytes.Length))
            {
                hash = (hash ^ b) * 1099511628211;
            }

            return new DataViewRowId(hash, 0);
        };
    }
}
