using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetKfac.Scoring;

/// <summary>Classifies row by row, as prediction engines do.</summary>
internal sealed class ScoringMapper(ScoringSchema schema) : IRowToRowMapper
{
    public DataViewSchema InputSchema => schema.Input;

    public DataViewSchema OutputSchema => schema.Output;

    public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> dependingColumns) =>
        schema.GetDependencies(dependingColumns);

    public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (input.Schema != schema.Input)
        {
            throw new ArgumentException($"the row must have the schema that the mapper was made for, {Names(schema.Input)}, but has another, {Names(input.Schema)}", nameof(input));
        }

        return new ScoringRow(schema, schema.Activate(activeColumns), input);

        static string Names(DataViewSchema schema) => $"[{string.Join(", ", schema.Select(column => column.Name))}]";
    }
}

/// <summary>A row with its classification, which is computed when first asked for and kept while the input's position stays.</summary>
internal sealed class ScoringRow : DataViewRow
{
    private readonly ScoringSchema _schema;
    private readonly ActiveColumns _active;
    private readonly DataViewRow _input;
    private readonly Scorer? _scorer;
    private long? _classified;

    public ScoringRow(ScoringSchema schema, ActiveColumns active, DataViewRow input)
    {
        _schema = schema;
        _active = active;
        _input = input;
        _scorer = active.NeedsModel ? schema.CreateScorer(input, capacity: 1, threads: 1) : null;
    }

    public override DataViewSchema Schema => _schema.Output;

    public override long Position => _input.Position;

    public override long Batch => _input.Batch;

    public override bool IsColumnActive(DataViewSchema.Column column) => _active.Contains(column);

    public override ValueGetter<DataViewRowId> GetIdGetter() => _input.GetIdGetter();

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        _active.Require(column);
        if (column.Index < _schema.Input.Count)
        {
            return _input.GetGetter<TValue>(_schema.Input[column.Index]);
        }

        Delegate getter = column.Index == _schema.ScoreIndex
            ? (ValueGetter<VBuffer<float>>)((ref VBuffer<float> score) => Classified().GetScore(0, ref score))
            : (ValueGetter<uint>)((ref uint label) => label = Classified().GetPredictedLabel(0));
        return getter.Typed<TValue>(column);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _scorer?.Dispose();
            _input.Dispose();
        }

        base.Dispose(disposing);
    }

    private Scorer Classified()
    {
        if (_classified != _input.Position)
        {
            _scorer!.ReadImage(0);
            _scorer.Classify(1);
            _classified = _input.Position;
        }

        return _scorer!;
    }
}
