namespace Microsoft.ML.Data;

/// <summary>
/// Keeps columns of another data view in memory. A column is read when a cursor first asks for it, together with the
/// others that cursor asks for; it allows shuffling whatever its source does. Columns that cannot be kept are dropped.
/// </summary>
internal sealed class CachedDataView : IDataView
{
    private readonly IDataView _source;
    private readonly Lock _gate = new();
    private readonly Array[] _values;
    private DataViewRowId[] _ids;

    public CachedDataView(IDataView source)
    {
        _source = KeptColumns.Of(source);
        _values = new Array[_source.Schema.Count];
    }

    public bool CanShuffle => true;

    public DataViewSchema Schema => _source.Schema;

    public long? GetRowCount() => _ids?.Length ?? _source.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random rand = null)
    {
        DataViewSchema.Column[] columns = [.. columnsNeeded];
        Fill(columns);
        int[] order = null;
        if (rand is not null)
        {
            order = [.. Enumerable.Range(0, _ids.Length)];
            rand.Shuffle(order);
        }

        return new Cursor(this, columns, order);
    }

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random rand = null)
        => [GetRowCursor(columnsNeeded, rand)];

    public void Fill(IReadOnlyCollection<DataViewSchema.Column> columns)
    {
        lock (_gate)
        {
            DataViewSchema.Column[] missing = [.. columns.Where(column => _values[column.Index] is null)];
            if (missing.Length == 0 && _ids is not null)
            {
                return;
            }

            using DataViewRowCursor cursor = _source.GetRowCursor(missing);
            ColumnBuffer[] buffers = [.. missing.Select(column
                => TypeArgument.Close(MakeBuffer<int>, column.Type.RawType)(cursor, column))];
            ValueGetter<DataViewRowId> getId = cursor.GetIdGetter();
            var ids = new List<DataViewRowId>();
            while (cursor.MoveNext())
            {
                DataViewRowId id = default;
                getId(ref id);
                ids.Add(id);
                foreach (ColumnBuffer buffer in buffers)
                {
                    buffer.AddCurrent();
                }
            }

            _ids ??= [.. ids];
            if (ids.Count != _ids.Length)
            {
                throw new InvalidOperationException($"The source of a cache had {_ids.Length} rows on one pass and {ids.Count} on another.");
            }

            for (int i = 0; i < missing.Length; i++)
            {
                _values[missing[i].Index] = buffers[i].ToArray();
            }
        }
    }

    private static ColumnBuffer MakeBuffer<T>(DataViewRow row, DataViewSchema.Column column)
        => new ColumnBuffer<T>(row.GetGetter<T>(column));

    private abstract class ColumnBuffer
    {
        public abstract void AddCurrent();

        public abstract Array ToArray();
    }

    private sealed class ColumnBuffer<T>(ValueGetter<T> getter) : ColumnBuffer
    {
        private readonly List<T> _items = [];

        // Each row gets a value of its own, so that nothing kept is overwritten.
        public override void AddCurrent()
        {
            T value = default;
            getter(ref value);
            _items.Add(value);
        }

        public override Array ToArray() => _items.ToArray();
    }

    private sealed class Cursor(CachedDataView parent, IEnumerable<DataViewSchema.Column> columnsNeeded, int[] order)
        : SourceCursor(parent.Schema, columnsNeeded)
    {
        private int _next;
        private int _row;

        public override ValueGetter<DataViewRowId> GetIdGetter()
            => (ref DataViewRowId value) =>
            {
                RequireRow();
                value = parent._ids[_row];
            };

        protected override bool Advance()
        {
            if (_next >= parent._ids.Length)
            {
                return false;
            }

            _row = order is null ? _next : order[_next];
            _next++;
            return true;
        }

        protected override Delegate MakeGetter(DataViewSchema.Column column)
            => TypeArgument.Close(MakeGetter<int>, column.Type.RawType)(column.Index);

        private Delegate MakeGetter<T>(int column)
        {
            var values = (T[])parent._values[column];
            return MemberReading.MakeGetter(() =>
            {
                RequireRow();
                return values[_row];
            });
        }
    }
}
