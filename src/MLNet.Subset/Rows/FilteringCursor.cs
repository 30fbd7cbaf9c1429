namespace Microsoft.ML.Data;

/// <summary>Visits those rows of another cursor that meet a condition, and counts its own positions.</summary>
internal sealed class FilteringCursor(
    DataViewRowCursor input, IEnumerable<DataViewSchema.Column> columnsNeeded, Func<bool> condition) : DataViewRowCursor
{
    private readonly ColumnSelection _selection = new(input.Schema, columnsNeeded);
    private long _position = -1;

    public override long Position => _position;

    public override long Batch => input.Batch;

    public override DataViewSchema Schema => input.Schema;

    public override bool MoveNext()
    {
        while (input.MoveNext())
        {
            if (condition())
            {
                _position++;
                return true;
            }
        }

        _position = -1;
        return false;
    }

    public override ValueGetter<DataViewRowId> GetIdGetter() => input.GetIdGetter();

    public override bool IsColumnActive(DataViewSchema.Column column) => _selection.Contains(column);

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        _selection.RequireActive(column);
        return input.GetGetter<TValue>(column);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            input.Dispose();
        }

        base.Dispose(disposing);
    }
}
