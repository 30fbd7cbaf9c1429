namespace Microsoft.ML.Data;

/// <summary>Rows in the binary format; each cursor opens the stream anew.</summary>
internal sealed class BinaryDataView : IDataView
{
    private readonly Func<Stream> _open;
    private readonly long? _rowCount;

    public BinaryDataView(Func<Stream> open)
    {
        _open = open;
        using var reader = new BinaryReader(open());
        Schema = BinaryRows.ReadSchema(reader);
        if (reader.BaseStream.CanSeek)
        {
            reader.BaseStream.Seek(-BinaryRows.TrailerLength, SeekOrigin.End);
            _rowCount = reader.ReadInt64();
        }
    }

    public bool CanShuffle => false;

    public DataViewSchema Schema { get; }

    public long? GetRowCount() => _rowCount;

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random rand = null)
        => new Cursor(this, columnsNeeded);

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random rand = null)
        => [GetRowCursor(columnsNeeded, rand)];

    private sealed class Cursor : SourceCursor
    {
        private readonly BinaryReader _reader;
        private readonly ColumnValue[] _values;

        public Cursor(BinaryDataView parent, IEnumerable<DataViewSchema.Column> columnsNeeded)
            : base(parent.Schema, columnsNeeded)
        {
            _reader = new BinaryReader(new BufferedStream(parent._open()));
            BinaryRows.ReadSchema(_reader);
            _values = [.. Schema.Select(column => TypeArgument.Close(MakeColumnValue<int>, column.Type.RawType)())];
        }

        protected override bool Advance()
        {
            if (_reader.ReadByte() == BinaryRows.End)
            {
                return false;
            }

            foreach (ColumnValue value in _values)
            {
                value.Read(_reader);
            }

            return true;
        }

        protected override Delegate MakeGetter(DataViewSchema.Column column) => _values[column.Index].MakeGetter(RequireRow);

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                _reader.Dispose();
            }

            base.Dispose(disposing);
        }

        private static ColumnValue MakeColumnValue<T>() => new ColumnValue<T>();
    }

    private abstract class ColumnValue
    {
        public abstract void Read(BinaryReader reader);

        public abstract Delegate MakeGetter(Action requireRow);
    }

    private sealed class ColumnValue<T> : ColumnValue
    {
        private readonly Func<BinaryReader, T> _read = ValueFormat.For<T>().Read;
        private T _current;

        public override void Read(BinaryReader reader) => _current = _read(reader);

        public override Delegate MakeGetter(Action requireRow)
            => MemberReading.MakeGetter(() =>
            {
                requireRow();
                return _current;
            });
    }
}
