namespace Microsoft.ML.Data;

/// <summary>The base of cursors over rows that come from outside: counts positions and keeps one getter per active column.</summary>
internal abstract class SourceCursor : DataViewRowCursor
{
    private readonly ColumnSelection _selection;
    private Delegate[] _getters;
    private long _position = -1;
    private bool _finished;

    protected SourceCursor(DataViewSchema schema, IEnumerable<DataViewSchema.Column> columnsNeeded)
    {
        Schema = schema;
        _selection = new ColumnSelection(schema, columnsNeeded);
    }

    public sealed override DataViewSchema Schema { get; }

    public sealed override long Position => _position;

    public override long Batch => 0;

    protected IEnumerable<DataViewSchema.Column> ActiveColumns => _selection.Columns;

    public sealed override bool IsColumnActive(DataViewSchema.Column column) => _selection.Contains(column);

    public sealed override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        _selection.RequireActive(column);
        _getters ??= new Delegate[Schema.Count];
        return _selection.Typed<TValue>(_getters[column.Index] ??= MakeGetter(Schema[column.Index]), column);
    }

    public override ValueGetter<DataViewRowId> GetIdGetter()
        => (ref DataViewRowId value) =>
        {
            RequireRow();
            value = new DataViewRowId((ulong)_position, 0);
        };

    public sealed override bool MoveNext()
    {
        if (_finished || !Advance())
        {
            _finished = true;
            _position = -1;
            return false;
        }

        _position++;
        return true;
    }

    /// <summary>Goes to the next row of the source.</summary>
    protected abstract bool Advance();

    protected abstract Delegate MakeGetter(DataViewSchema.Column column);

    protected void RequireRow()
    {
        if (_position < 0)
        {
            throw new InvalidOperationException("There is no current row: call MoveNext, and read values only while it returns true.");
        }
    }
}
