using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetKfac.Scoring;

/// <summary>Some rows of a cursor, copied, so that it can move on.</summary>
internal sealed class RowBuffer
{
    private readonly DataViewRowCursor _input;
    private readonly ValueGetter<DataViewRowId> _idGetter;
    private readonly Dictionary<int, ColumnBuffer> _columns;
    private readonly long[] _positions;
    private readonly long[] _batches;
    private readonly DataViewRowId[] _ids;
    private bool _ended;

    /// <param name="input">Where the rows come from.</param>
    /// <param name="columns">Those of its columns to copy.</param>
    /// <param name="capacity">Largest number of rows at once.</param>
    public RowBuffer(DataViewRowCursor input, IEnumerable<DataViewSchema.Column> columns, int capacity)
    {
        _input = input;
        _idGetter = input.GetIdGetter();
        _columns = columns.ToDictionary(column => column.Index, column => ColumnBuffer.Create(input, column, capacity));
        _positions = new long[capacity];
        _batches = new long[capacity];
        _ids = new DataViewRowId[capacity];
    }

    /// <summary>Number of rows held.</summary>
    public int Count { get; private set; }

    public long Position(int row) => _positions[row];

    public long Batch(int row) => _batches[row];

    public DataViewRowId Id(int row) => _ids[row];

    public void Clear() => Count = 0;

    /// <summary>Copies the cursor's next row, if there is one.</summary>
    public bool TryRead()
    {
        // A cursor that has ended is not asked again.
        _ended = _ended || !_input.MoveNext();
        if (_ended)
        {
            return false;
        }

        _positions[Count] = _input.Position;
        _batches[Count] = _input.Batch;
        _idGetter(ref _ids[Count]);
        foreach (ColumnBuffer column in _columns.Values)
        {
            column.Read(Count);
        }

        Count++;
        return true;
    }

    /// <summary>A getter of the value of <paramref name="column"/> in the row that <paramref name="current"/> gives.</summary>
    public ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column, Func<int> current) =>
        _columns[column.Index].CreateGetter(current).Typed<TValue>(column);
}
