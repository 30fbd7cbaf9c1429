namespace Microsoft.ML.Data;

/// <summary>
/// The rows of another data view in random order: a pool of rows is kept, a random one of it comes next, and the next
/// row of the source takes its place. Without a generator the order comes from a fixed seed and is the same on every pass.
/// </summary>
internal sealed class ShuffledDataView(IDataView source, int seed, int poolSize, bool shuffleSource) : IDataView
{
    public bool CanShuffle => true;

    public DataViewSchema Schema => source.Schema;

    public long? GetRowCount() => source.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random rand = null)
    {
        Random order = rand ?? new Random(seed);
        DataViewSchema.Column[] active = [.. columnsNeeded];
        Random sourceOrder = shuffleSource && source.CanShuffle ? new Random(order.Next()) : null;
        return new Cursor(source.GetRowCursor(active, sourceOrder), active, order, poolSize);
    }

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random rand = null)
        => [GetRowCursor(columnsNeeded, rand)];

    private sealed class Cursor : SourceCursor
    {
        private readonly DataViewRowCursor _input;
        private readonly Random _order;
        private readonly int _poolSize;
        private readonly PoolColumn[] _columns;
        private readonly PoolColumn<DataViewRowId> _ids;
        private int _rowsInPool;
        private int _current = -1;
        private bool _sourceEnded;

        public Cursor(DataViewRowCursor input, DataViewSchema.Column[] active, Random order, int poolSize)
            : base(input.Schema, active)
        {
            _input = input;
            _order = order;
            _poolSize = poolSize;
            _columns = new PoolColumn[input.Schema.Count];
            foreach (DataViewSchema.Column column in ActiveColumns)
            {
                _columns[column.Index] = TypeArgument.Close(MakePoolColumn<int>, column.Type.RawType)(input, column);
            }

            _ids = new PoolColumn<DataViewRowId>(input.GetIdGetter());
        }

        public override ValueGetter<DataViewRowId> GetIdGetter() => (ValueGetter<DataViewRowId>)_ids.MakeGetter(CurrentSlot);

        protected override bool Advance()
        {
            // The row that was current gives its slot to a new one; at the end of the source the last slot moves there.
            if (_current >= 0 && !TryFill(_current))
            {
                Move(_rowsInPool - 1, _current);
                _rowsInPool--;
            }

            while (_rowsInPool < _poolSize && TryFill(_rowsInPool))
            {
                _rowsInPool++;
            }

            _current = _rowsInPool > 0 ? _order.Next(_rowsInPool) : -1;
            return _current >= 0;
        }

        protected override Delegate MakeGetter(DataViewSchema.Column column) => _columns[column.Index].MakeGetter(CurrentSlot);

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                _input.Dispose();
            }

            base.Dispose(disposing);
        }

        private static PoolColumn MakePoolColumn<T>(DataViewRow row, DataViewSchema.Column column)
            => new PoolColumn<T>(row.GetGetter<T>(column));

        private int CurrentSlot()
        {
            RequireRow();
            return _current;
        }

        private bool TryFill(int slot)
        {
            if (_sourceEnded || !_input.MoveNext())
            {
                _sourceEnded = true;
                return false;
            }

            _ids.Fill(slot);
            foreach (PoolColumn column in _columns)
            {
                column?.Fill(slot);
            }

            return true;
        }

        private void Move(int from, int to)
        {
            _ids.Swap(from, to);
            foreach (PoolColumn column in _columns)
            {
                column?.Swap(from, to);
            }
        }
    }

    private abstract class PoolColumn
    {
        public abstract void Fill(int slot);

        public abstract void Swap(int a, int b);

        public abstract Delegate MakeGetter(Func<int> currentSlot);
    }

    private sealed class PoolColumn<T>(ValueGetter<T> source) : PoolColumn
    {
        private T[] _slots = new T[16];

        public override void Fill(int slot)
        {
            if (slot >= _slots.Length)
            {
                Array.Resize(ref _slots, 2 * _slots.Length);
            }

            source(ref _slots[slot]);
        }

        public override void Swap(int a, int b) => (_slots[a], _slots[b]) = (_slots[b], _slots[a]);

        public override Delegate MakeGetter(Func<int> currentSlot) => MemberReading.MakeGetter(() => _slots[currentSlot()]);
    }
}
