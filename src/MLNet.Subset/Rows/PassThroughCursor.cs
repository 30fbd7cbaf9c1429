namespace Microsoft.ML.Data;

/// <summary>The base of cursors that visit some of the rows of another cursor and count their own positions.</summary>
internal abstract class PassThroughCursor : DataViewRowCursor
{
    private readonly ColumnSelection _selection;
    private long _position = -1;

    protected PassThroughCursor(DataViewRowCursor input, IEnumerable<DataViewSchema.Column> columnsNeeded)
    {
        Input = input;
        _selection = new ColumnSelection(input.Schema, columnsNeeded);
    }

    public sealed override long Position => _position;

    public sealed override long Batch => Input.Batch;

    public sealed override DataViewSchema Schema => Input.Schema;

    protected DataViewRowCursor Input { get; }

    public sealed override bool MoveNext()
    {
        if (Advance())
        {
            _position++;
            return true;
        }

        _position = -1;
        return false;
    }

    public sealed override ValueGetter<DataViewRowId> GetIdGetter() => Input.GetIdGetter();

    public sealed override bool IsColumnActive(DataViewSchema.Column column) => _selection.Contains(column);

    public sealed override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        _selection.RequireActive(column);
        return Input.GetGetter<TValue>(column);
    }

    /// <summary>Moves the input to the next row that is to be visited.</summary>
    protected abstract bool Advance();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Input.Dispose();
        }

        base.Dispose(disposing);
    }
}
