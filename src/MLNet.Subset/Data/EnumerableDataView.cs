namespace Microsoft.ML.Data;

/// <summary>A data view over objects; each cursor enumerates them anew.</summary>
internal sealed class EnumerableDataView<TRow> : IDataView
    where TRow : class
{
    private readonly IEnumerable<TRow> _rows;
    private readonly RowMember[] _members;

    public EnumerableDataView(IEnumerable<TRow> rows, SchemaDefinition definition)
    {
        _rows = rows;
        _members = RowMember.Bind(typeof(TRow), SchemaDefinition.Direction.Read, definition);
        Schema = RowMember.SchemaOf(_members);
    }

    public bool CanShuffle => false;

    public DataViewSchema Schema { get; }

    public long? GetRowCount() => (_rows as ICollection<TRow>)?.Count;

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random rand = null)
        => new Cursor(this, columnsNeeded);

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random rand = null)
        => [GetRowCursor(columnsNeeded, rand)];

    private sealed class Cursor(EnumerableDataView<TRow> parent, IEnumerable<DataViewSchema.Column> columnsNeeded)
        : SourceCursor(parent.Schema, columnsNeeded)
    {
        private readonly IEnumerator<TRow> _rows = parent._rows.GetEnumerator();

        protected override bool Advance()
        {
            if (!_rows.MoveNext())
            {
                return false;
            }

            return _rows.Current is not null
                ? true
                : throw new InvalidOperationException("The enumerable yields null, which is not a row.");
        }

        protected override Delegate MakeGetter(DataViewSchema.Column column)
            => MemberReading.MakeGetter(parent._members[column.Index], CurrentRow);

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                _rows.Dispose();
            }

            base.Dispose(disposing);
        }

        private TRow CurrentRow()
        {
            RequireRow();
            return _rows.Current;
        }
    }
}
