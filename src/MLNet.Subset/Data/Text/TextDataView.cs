namespace Microsoft.ML.Data;

/// <summary>The lines of a text file; each cursor reads it anew, and only the fields of active columns are parsed.</summary>
internal sealed class TextDataView : IDataView
{
    private readonly string _path;
    private readonly TextLineFormat _format;
    private readonly bool _hasHeader;
    private readonly TextColumn[] _columns;

    public TextDataView(string path, TextLineFormat format, bool hasHeader, TextColumn[] columns)
    {
        _path = path;
        _format = format;
        _hasHeader = hasHeader;
        _columns = columns;
        var builder = new DataViewSchema.Builder();
        foreach (TextColumn column in columns)
        {
            builder.AddColumn(column.Name, column.Type);
        }

        Schema = builder.ToSchema();
    }

    public bool CanShuffle => false;

    public DataViewSchema Schema { get; }

    public long? GetRowCount() => null;

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random rand = null)
        => new Cursor(this, columnsNeeded);

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random rand = null)
        => [GetRowCursor(columnsNeeded, rand)];

    private sealed class Cursor : SourceCursor
    {
        private readonly TextDataView _parent;
        private readonly IEnumerator<string> _lines;
        private readonly List<ReadOnlyMemory<char>> _fields = [];

        public Cursor(TextDataView parent, IEnumerable<DataViewSchema.Column> columnsNeeded)
            : base(parent.Schema, columnsNeeded)
        {
            _parent = parent;
            _lines = File.ReadLines(parent._path)
                .Where(line => !TextLineFormat.IsSkipped(line))
                .Skip(parent._hasHeader ? 1 : 0)
                .GetEnumerator();
        }

        protected override bool Advance()
        {
            if (!_lines.MoveNext())
            {
                return false;
            }

            _parent._format.Split(_lines.Current, _fields);
            return true;
        }

        protected override Delegate MakeGetter(DataViewSchema.Column column) => _parent._columns[column.Index].MakeGetter(Field);

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                _lines.Dispose();
            }

            base.Dispose(disposing);
        }

        // Fields that a short line does not have are empty.
        private ReadOnlyMemory<char> Field(int index)
        {
            RequireRow();
            return index < _fields.Count ? _fields[index] : default;
        }
    }
}
