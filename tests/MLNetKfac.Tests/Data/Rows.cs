using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetKfac.Tests.Data;

/// <summary>Data views as text, exact to the bit, so that they can be compared.</summary>
internal static class Rows
{
    /// <summary>Every row of the named columns, or of all that are not hidden.</summary>
    public static string[] Read(IDataView view, params string[] columns)
    {
        DataViewSchema.Column[] active = Active(view.Schema, columns);
        using DataViewRowCursor cursor = view.GetRowCursor(active);
        return [.. Read(cursor, cursor.MoveNext, active)];
    }

    /// <summary>Every row of a set of cursors, batch by batch.</summary>
    public static string[] ReadSet(IDataView view, int cursorCount, params string[] columns)
    {
        DataViewSchema.Column[] active = Active(view.Schema, columns);
        DataViewRowCursor[] cursors = view.GetRowCursorSet(active, cursorCount);
        (long Batch, string Row)[][] read = [.. cursors.AsParallel().WithDegreeOfParallelism(cursors.Length).Select(cursor =>
        {
            using (cursor)
            {
                return Read(cursor, cursor.MoveNext, active).Select(row => (cursor.Batch, row)).ToArray();
            }
        })];
        return [.. read.SelectMany(rows => rows).OrderBy(row => row.Batch).Select(row => row.Row)];
    }

    /// <summary>Every row that <paramref name="row"/> shows while <paramref name="moveNext"/> moves what it maps.</summary>
    public static IEnumerable<string> Read(DataViewRow row, Func<bool> moveNext, DataViewSchema.Column[] columns)
    {
        Func<string>[] readers = Array.ConvertAll(columns, column => Reader(row, column));
        while (moveNext())
        {
            yield return string.Join(" | ", readers.Select(read => read()));
        }
    }

    public static DataViewSchema.Column[] Active(DataViewSchema schema, params string[] columns) =>
        [.. schema.Where(column => columns.Length == 0 ? !column.IsHidden : columns.Contains(column.Name) && !column.IsHidden)];

    /// <summary>Name, type and annotations of each column.</summary>
    public static string[] Describe(DataViewSchema schema) =>
        [.. schema.Select(column => $"{column.Name}{(column.IsHidden ? " (hidden)" : "")} {column.Type} [{string.Join(", ", column.Annotations.Schema.Select(annotation => $"{annotation.Name} {annotation.Type}").Order())}]")];

    private static Func<string> Reader(DataViewRow row, DataViewSchema.Column column) => column.Type.RawType switch
    {
        var type when type == typeof(VBuffer<float>) => Reader<VBuffer<float>>(row, column, value => string.Join(' ', value.DenseValues().Select(Bits))),
        var type when type == typeof(VBuffer<byte>) => Reader<VBuffer<byte>>(row, column, value => string.Join(' ', value.DenseValues())),
        var type when type == typeof(float) => Reader<float>(row, column, Bits),
        var type when type == typeof(int) => Reader<int>(row, column, value => value.ToString(CultureInfo.InvariantCulture)),
        var type when type == typeof(uint) => Reader<uint>(row, column, value => value.ToString(CultureInfo.InvariantCulture)),
        var type when type == typeof(ReadOnlyMemory<char>) => Reader<ReadOnlyMemory<char>>(row, column, value => value.ToString()),
        var type => throw new NotSupportedException($"{column.Name} is {type}"),
    };

    private static Func<string> Reader<T>(DataViewRow row, DataViewSchema.Column column, Func<T, string> format)
    {
        ValueGetter<T> getter = row.GetGetter<T>(column);
        T value = default!;
        return () =>
        {
            getter(ref value);
            return format(value);
        };
    }

    private static string Bits(float value) => BitConverter.SingleToUInt32Bits(value).ToString("x8", CultureInfo.InvariantCulture);
}
