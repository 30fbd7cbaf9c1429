using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetKfac.Scoring;

/// <summary>
/// Reads some rows ahead, so that the network gets many images at once, and gives them out one by one. It holds all that
/// it works with, so that cursors can be at work at the same time.
/// </summary>
internal sealed class BatchingCursor : DataViewRowCursor
{
    private readonly ScoringSchema _schema;
    private readonly ActiveColumns _active;
    private readonly DataViewRowCursor _input;
    private readonly Scorer _scorer;
    private readonly RowBuffer _rows;
    private readonly int _capacity;

    // The first reading is a single row, and each doubles the one before: whoever takes one row does not pay for many.
    private int _rowsToRead = 1;
    private int _current = -1;
    private bool _classified;

    public BatchingCursor(ScoringSchema schema, ActiveColumns active, DataViewRowCursor input, int threads)
    {
        _schema = schema;
        _active = active;
        _input = input;
        _capacity = schema.Model.Classifier.UsualBatchCapacity;
        _scorer = schema.CreateScorer(input, _capacity, threads);
        _rows = new RowBuffer(input, active.PassedThrough, _capacity);
    }

    public override DataViewSchema Schema => _schema.Output;

    public override long Position => _current < 0 ? -1 : _rows.Position(_current);

    public override long Batch => _current < 0 ? 0 : _rows.Batch(_current);

    public override bool MoveNext()
    {
        if (++_current < _rows.Count)
        {
            return true;
        }

        _rows.Clear();
        _classified = false;
        while (_rows.Count < _rowsToRead && _rows.TryRead())
        {
            _scorer.ReadImage(_rows.Count - 1);
        }

        _rowsToRead = Math.Min(2 * _rowsToRead, _capacity);
        _current = _rows.Count > 0 ? 0 : -1;
        return _current == 0;
    }

    public override bool IsColumnActive(DataViewSchema.Column column) => _active.Contains(column);

    public override ValueGetter<DataViewRowId> GetIdGetter() => (ref DataViewRowId id) => id = _rows.Id(Current);

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        _active.Require(column);
        if (column.Index < _schema.Input.Count)
        {
            return _rows.GetGetter<TValue>(_schema.Input[column.Index], () => Current);
        }

        Delegate getter = column.Index == _schema.ScoreIndex
            ? (ValueGetter<VBuffer<float>>)((ref VBuffer<float> score) => Classified().GetScore(_current, ref score))
            : (ValueGetter<uint>)((ref uint label) => label = Classified().GetPredictedLabel(_current));
        return getter.Typed<TValue>(column);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _scorer.Dispose();
            _input.Dispose();
        }

        base.Dispose(disposing);
    }

    private int Current => _current >= 0 ? _current : throw new InvalidOperationException("the cursor is not at a row: before the first MoveNext or after the last");

    private Scorer Classified()
    {
        if (Current >= 0 && !_classified)
        {
            _scorer.Classify(_rows.Count);
            _classified = true;
        }

        return _scorer;
    }
}
