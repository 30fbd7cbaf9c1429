using Microsoft.ML;
using MLNetKfac.Columns;

namespace MLNetKfac.Scoring;

/// <summary>
/// One model on one input schema: which output columns pass through, which are the model's, and what they depend on. Columns
/// are told apart by index, since hidden ones share their name with others.
/// </summary>
internal sealed class ScoringSchema
{
    private readonly DataViewSchema.Column _features;

    /// <exception cref="ArgumentOutOfRangeException">The feature column is missing or does not hold images of the model's shape.</exception>
    public ScoringSchema(ScoringModel model, DataViewSchema input)
    {
        Model = model;
        Input = input;
        _features = input.RequireColumn(OptionNames.FeatureColumn, model.FeatureColumnName, PixelFormat.ExpectedType);
        Format = model.Format.ForPrediction(_features);
        Output = model.Outputs.AddTo(input, model.Classifier.ClassCount, model.LabelValues);
    }

    public ScoringModel Model { get; }

    public DataViewSchema Input { get; }

    /// <summary>All input columns, then predicted label and score.</summary>
    public DataViewSchema Output { get; }

    public int PredictedLabelIndex => Input.Count;

    public int ScoreIndex => Input.Count + 1;

    private PixelFormat Format { get; }

    /// <summary>Something that classifies the images of <paramref name="row"/>.</summary>
    public Scorer CreateScorer(DataViewRow row, int capacity, int threads) =>
        new(Model.Classifier, PixelReader.Create(row, _features, Format), capacity, threads);

    /// <summary>Which output columns are among <paramref name="columns"/>.</summary>
    public ActiveColumns Activate(IEnumerable<DataViewSchema.Column> columns) => new(this, columns);

    /// <summary>The input columns that some output columns need: those that pass through themselves, the model's the features.</summary>
    public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> outputs) =>
        outputs.Select(column => Output.RequireOwn(column) < Input.Count ? Input[column.Index] : _features).DistinctBy(column => column.Index);
}

/// <summary>The output columns that a row or cursor was asked for.</summary>
internal sealed class ActiveColumns
{
    private readonly ScoringSchema _schema;
    private readonly bool[] _active;

    /// <exception cref="ArgumentOutOfRangeException">A column is of another schema.</exception>
    public ActiveColumns(ScoringSchema schema, IEnumerable<DataViewSchema.Column> columns)
    {
        ArgumentNullException.ThrowIfNull(columns);
        _schema = schema;
        _active = new bool[schema.Output.Count];
        foreach (DataViewSchema.Column column in columns)
        {
            _active[schema.Output.RequireOwn(column)] = true;
        }
    }

    /// <summary>Whether anything of the model was asked for.</summary>
    public bool NeedsModel => _active[_schema.PredictedLabelIndex] || _active[_schema.ScoreIndex];

    /// <summary>The input columns to pass through.</summary>
    public IEnumerable<DataViewSchema.Column> PassedThrough => _schema.Input.Where(column => _active[column.Index]);

    /// <exception cref="ArgumentOutOfRangeException">The column is of another schema.</exception>
    public bool Contains(DataViewSchema.Column column) => _active[_schema.Output.RequireOwn(column)];

    /// <exception cref="ArgumentOutOfRangeException">The column was not asked for.</exception>
    public void Require(DataViewSchema.Column column)
    {
        if (!Contains(column))
        {
            throw new ArgumentOutOfRangeException(nameof(column), $"column '{column.Name}' is not active in this row: name it when asking for the cursor or row");
        }
    }
}
