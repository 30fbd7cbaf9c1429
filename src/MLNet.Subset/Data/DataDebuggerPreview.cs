using System.Collections.Immutable;
using System.Diagnostics;

namespace Microsoft.ML.Data;

/// <summary>The first rows of a data view, by row and by column.</summary>
public sealed class DataDebuggerPreview
{
    internal DataDebuggerPreview(IDataView data, int maxRows)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentOutOfRangeException.ThrowIfNegative(maxRows);
        Schema = data.Schema;
        var rows = new List<RowInfo>();
        using (DataViewRowCursor cursor = data.GetRowCursor(Schema))
        {
            Func<object>[] readers = [.. Schema.Select(column
                => TypeArgument.Close(MakeReader<int>, column.Type.RawType)(cursor, column))];
            while (rows.Count < maxRows && cursor.MoveNext())
            {
                rows.Add(new RowInfo([.. Schema.Select(column => KeyValuePair.Create(column.Name, readers[column.Index]()))]));
            }
        }

        RowView = [.. rows];
        ColumnView = [.. Schema.Select(column => new ColumnInfo(column, [.. rows.Select(row => row.Values[column.Index].Value)]))];
    }

    public DataViewSchema Schema { get; }

    public ImmutableArray<ColumnInfo> ColumnView { get; }

    public ImmutableArray<RowInfo> RowView { get; }

    public override string ToString() => $"{Schema.Count} columns, {RowView.Length} rows";

    private static Func<object> MakeReader<T>(DataViewRow row, DataViewSchema.Column column)
    {
        Func<T, T> read = MemberWriting.MakeReader<T>(row, column);
        return () => read(default);
    }

    /// <summary>The values of one row with the names of their columns.</summary>
    public sealed class RowInfo
    {
        internal RowInfo(KeyValuePair<string, object>[] values)
        {
            Values = values;
        }

        [DebuggerBrowsable(DebuggerBrowsableState.RootHidden)]
        public KeyValuePair<string, object>[] Values { get; }

        public override string ToString() => $"{Values.Length} columns";
    }

    /// <summary>The values of one column.</summary>
    public sealed class ColumnInfo
    {
        internal ColumnInfo(DataViewSchema.Column column, object[] values)
        {
            Column = column;
            Values = values;
        }

        public DataViewSchema.Column Column { get; }

        public object[] Values { get; }

        public override string ToString() => $"{Column.Name}: {Column.Type}";
    }
}
