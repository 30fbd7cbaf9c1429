using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetKfac.Columns;

/// <summary>A label column: as many classes as its key has values.</summary>
internal sealed class LabelColumn
{
    /// <summary>As many keys as <c>MapValueToKey</c> makes unless it is told otherwise; beyond it the key has no count, rather than classes.</summary>
    private const int MaxClasses = 1_000_000;

    private static readonly string Expected = $"a key of 1 to {MaxClasses} values, as MapValueToKey makes of text and numbers";

    private LabelColumn(DataViewSchema.Column column, int classCount)
    {
        Column = column;
        ClassCount = classCount;
        Values = LabelValues.Of(column, classCount);
    }

    public DataViewSchema.Column Column { get; }

    public int ClassCount { get; }

    /// <summary>The values behind the keys, or null if there are none.</summary>
    public LabelValues? Values { get; }

    /// <exception cref="ArgumentOutOfRangeException">The column is not there, or is not a key of a known and sane number of values.</exception>
    public static LabelColumn Find(DataViewSchema schema, string name)
    {
        DataViewSchema.Column column = schema.RequireColumn(OptionNames.LabelColumn, name, Expected);
        return column.Type is KeyDataViewType { Count: >= 1 and <= MaxClasses } key
            ? new LabelColumn(column, (int)key.Count)
            : throw Mismatch(name, column.Type.ToString());
    }

    /// <summary>The same requirement of a model's label, before anything is read on the word of its number.</summary>
    /// <exception cref="FormatException">It is not met.</exception>
    public static void RequireClasses(int count)
    {
        if (count is < 1 or > MaxClasses)
        {
            throw new FormatException($"the label must be {Expected}, but is one of {count}");
        }
    }

    /// <summary>The same requirement of a column of which less is known.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The column is not there or is not a key.</exception>
    public static SchemaShape.Column Find(SchemaShape schema, string name)
    {
        SchemaShape.Column column = schema.FirstOrDefault(candidate => candidate.Name == name);
        return column is { Name: not null, IsKey: true, Kind: SchemaShape.Column.VectorKind.Scalar }
            ? column
            : throw Mismatch(name, column.Name is null ? null : column.Kind == SchemaShape.Column.VectorKind.Scalar ? $"{column.ItemType}" : $"{column.Kind} of {column.ItemType}");
    }

    /// <summary>Weights by label value, in the order of the classes, 1 for those that are not named.</summary>
    /// <exception cref="ArgumentException">There is no such label value; the message names those there are.</exception>
    public float[] Arrange(IReadOnlyDictionary<string, float> weights)
    {
        string[] names = [.. Enumerable.Range(0, ClassCount).Select(NameOf)];
        if (weights.Keys.FirstOrDefault(name => !names.Contains(name)) is { } unknown)
        {
            throw new ArgumentException(
                $"{OptionNames.ClassWeights} has a weight for '{unknown}', but the values of label '{Column.Name}' are {string.Join(", ", names.Take(20))}{(ClassCount > 20 ? ", …" : "")}",
                OptionNames.ClassWeights);
        }

        return Array.ConvertAll(names, name => weights.GetValueOrDefault(name, 1f));
    }

    /// <summary>The value behind a class, or its key where there are no values.</summary>
    public string NameOf(int classIndex) => Values?.Texts[classIndex] ?? $"{classIndex + 1}";

    /// <summary>Gives the class of the row a cursor is at, 0 … <see cref="ClassCount"/>-1, or -1 where the label is missing.</summary>
    public Func<int> GetReader(DataViewRow row) => Type.GetTypeCode(Column.Type.RawType) switch
    {
        TypeCode.Byte => Reader<byte>(row),
        TypeCode.UInt16 => Reader<ushort>(row),
        TypeCode.UInt32 => Reader<uint>(row),
        _ => Reader<ulong>(row),
    };

    /// <summary>A key's raw value is 0 where it is missing and otherwise counts from 1.</summary>
    private Func<int> Reader<T>(DataViewRow row)
        where T : System.Numerics.IBinaryInteger<T>
    {
        ValueGetter<T> getter = row.GetGetter<T>(Column);
        T key = T.Zero;
        return () =>
        {
            getter(ref key);
            return int.CreateSaturating(key) - 1;
        };
    }

    private static ArgumentOutOfRangeException Mismatch(string name, string? actual) =>
        ColumnMismatch.Create(OptionNames.LabelColumn, name, Expected, actual);
}
