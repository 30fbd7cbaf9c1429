using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetKfac.ModelIO;

namespace MLNetKfac.Columns;

/// <summary>The columns that a model adds, with the annotations that ML.NET's own multiclass models give theirs.</summary>
/// <param name="ScoreName">Name of the probabilities.</param>
/// <param name="PredictedLabelName">Name of the predicted class.</param>
internal sealed record OutputColumns(string ScoreName, string PredictedLabelName)
{
    private const string ScoreColumnSetId = "ScoreColumnSetId";
    private const string ScoreColumnKind = "ScoreColumnKind";
    private const string ScoreValueKind = "ScoreValueKind";
    private const string TrainingLabelValues = "TrainingLabelValues";
    private const string SlotNames = "SlotNames";
    private const string Multiclass = "MulticlassClassification";
    private const string Score = "Score";
    private const string PredictedLabel = "PredictedLabel";

    /// <summary>Classes of a schema that only tells names and kinds: their number does not show.</summary>
    private const int ExampleClasses = 2;

    private static readonly KeyDataViewType SetIdType = new(typeof(uint), int.MaxValue);

    /// <summary><paramref name="input"/> with the two columns at its end, predicted label first, hiding others of their names.</summary>
    public DataViewSchema AddTo(DataViewSchema input, int classCount, LabelValues? values)
    {
        uint setId = NextSetId(input);
        DataViewSchema.Annotations.Builder predicted = Describe(setId, PredictedLabel), score = Describe(setId, Score);
        values?.AddTo(predicted, LabelValues.KeyValues);
        values?.AddTo(score, TrainingLabelValues);
        if (values is LabelValues<ReadOnlyMemory<char>> names)
        {
            names.AddTo(score, SlotNames);
        }

        var schema = new DataViewSchema.Builder();
        schema.AddColumns(input);
        schema.AddColumn(PredictedLabelName, new KeyDataViewType(typeof(uint), classCount), predicted.ToAnnotations());
        schema.AddColumn(ScoreName, new VectorDataViewType(NumberDataViewType.Single, classCount), score.ToAnnotations());
        return schema.ToSchema();
    }

    /// <summary>What is known of <see cref="AddTo"/>'s result before there are data.</summary>
    /// <param name="input">The columns that are there.</param>
    /// <param name="label">The one among them that the classes come from.</param>
    public SchemaShape ToSchemaShape(SchemaShape input, SchemaShape.Column label)
    {
        SchemaShape.Column values = label.Annotations.FirstOrDefault(annotation => annotation.Name == LabelValues.KeyValues);
        LabelValueType? type = values is { Name: not null, Kind: SchemaShape.Column.VectorKind.Vector } ? LabelValueType.Find(values.ItemType) : null;
        DataViewSchema example = AddTo(new DataViewSchema.Builder().ToSchema(), ExampleClasses, type?.Example(ExampleClasses));
        return new SchemaShape([.. input.Where(column => column.Name != ScoreName && column.Name != PredictedLabelName), .. MLNetInternals.ShapeOf(example)]);
    }

    private static DataViewSchema.Annotations.Builder Describe(uint setId, string valueKind)
    {
        var annotations = new DataViewSchema.Annotations.Builder();
        annotations.AddPrimitiveValue(ScoreColumnSetId, SetIdType, setId);
        annotations.AddPrimitiveValue(ScoreColumnKind, TextDataViewType.Instance, Multiclass.AsMemory());
        annotations.AddPrimitiveValue(ScoreValueKind, TextDataViewType.Instance, valueKind.AsMemory());
        return annotations;
    }

    /// <summary>Score columns that belong together have the same number; a model's own is one more than there has been.</summary>
    private static uint NextSetId(DataViewSchema schema)
    {
        uint largest = 0;
        foreach (DataViewSchema.Column column in schema)
        {
            if (column.Annotations.Schema.GetColumnOrNull(ScoreColumnSetId)?.Type is KeyDataViewType type && type.RawType == typeof(uint))
            {
                uint setId = 0;
                column.Annotations.GetValue(ScoreColumnSetId, ref setId);
                largest = Math.Max(largest, setId);
            }
        }

        return largest + 1;
    }
}
