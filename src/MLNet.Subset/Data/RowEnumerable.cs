using System.Collections;

namespace Microsoft.ML.Data;

/// <summary>The rows of a data view as objects; each enumeration opens a cursor.</summary>
internal sealed class RowEnumerable<TRow>(IDataView data, RowFiller<TRow> filler, bool reuseRowObject) : IEnumerable<TRow>
    where TRow : class, new()
{
    public IEnumerator<TRow> GetEnumerator()
    {
        using DataViewRowCursor cursor = data.GetRowCursor(filler.Columns);
        Action<TRow> fill = filler.Attach(cursor);
        TRow row = null;
        while (cursor.MoveNext())
        {
            row = reuseRowObject ? row ?? new TRow() : new TRow();
            fill(row);
            yield return row;
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
