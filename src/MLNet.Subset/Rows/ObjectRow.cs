namespace Microsoft.ML.Data;

/// <summary>A row over an object that is replaced from outside; all its columns are active.</summary>
internal sealed class ObjectRow<TRow> : DataViewRow
    where TRow : class
{
    private readonly RowMember[] _members;
    private readonly Delegate[] _getters;
    private readonly ColumnSelection _selection;
    private long _position = -1;

    public ObjectRow(SchemaDefinition definition)
    {
        _members = RowMember.Bind(typeof(TRow), SchemaDefinition.Direction.Read, definition);
        Schema = RowMember.SchemaOf(_members);
        _getters = new Delegate[_members.Length];
        _selection = new ColumnSelection(Schema, Schema);
    }

    public TRow Current { get; private set; }

    public override long Position => _position;

    public override long Batch => 0;

    public override DataViewSchema Schema { get; }

    public void SetCurrent(TRow row)
    {
        Current = row;
        _position++;
    }

    public override ValueGetter<DataViewRowId> GetIdGetter()
        => (ref DataViewRowId value) => value = new DataViewRowId((ulong)_position, 0);

    public override bool IsColumnActive(DataViewSchema.Column column) => _selection.Contains(column);

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        _selection.RequireActive(column);
        Delegate getter = _getters[column.Index] ??= MemberReading.MakeGetter(_members[column.Index], () => Current);
        return _selection.Typed<TValue>(getter, column);
    }
}
