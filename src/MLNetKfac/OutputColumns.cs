using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetKfac;

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
    /// <remarks>
    /// A column of a <see cref="SchemaShape"/> cannot be made from outside ML.NET, but a custom mapping that gives such
    /// columns makes them; it is never applied to anything.
    /// </remarks>
    /// <param name="input">The columns that are there.</param>
    /// <param name="label">The one among them that the classes come from.</param>
    public SchemaShape ToSchemaShape(SchemaShape input, SchemaShape.Column label)
    {
        SchemaDefinition outputs = SchemaDefinition.Create(typeof(Outputs));
        SchemaDefinition.Column predicted = outputs[nameof(Outputs.PredictedLabel)], score = outputs[nameof(Outputs.Score)];
        predicted.ColumnType = new KeyDataViewType(typeof(uint), 2);
        score.ColumnType = new VectorDataViewType(NumberDataViewType.Single, 2);
        PromiseDescription(predicted, PredictedLabel);
        PromiseDescription(score, Score);
        SchemaShape.Column values = label.Annotations.FirstOrDefault(annotation => annotation.Name == LabelValues.KeyValues);
        if (values is { Name: not null, Kind: SchemaShape.Column.VectorKind.Vector } && LabelValueType.Find(values.ItemType) is { } type)
        {
            type.PromiseIn(predicted, LabelValues.KeyValues);
            type.PromiseIn(score, TrainingLabelValues);
            if (type is LabelValueType<ReadOnlyMemory<char>>)
            {
                type.PromiseIn(score, SlotNames);
            }
        }

        predicted.ColumnName = PredictedLabelName;
        score.ColumnName = ScoreName;
        return new MLContext().Transforms.CustomMapping<Inputs, Outputs>((_, _) => { }, contractName: null, outputSchemaDefinition: outputs).GetOutputSchema(input);
    }

    private static DataViewSchema.Annotations.Builder Describe(uint setId, string valueKind)
    {
        var annotations = new DataViewSchema.Annotations.Builder();
        annotations.AddPrimitiveValue(ScoreColumnSetId, SetIdType, setId);
        annotations.AddPrimitiveValue(ScoreColumnKind, TextDataViewType.Instance, Multiclass.AsMemory());
        annotations.AddPrimitiveValue(ScoreValueKind, TextDataViewType.Instance, valueKind.AsMemory());
        return annotations;
    }

    private static void PromiseDescription(SchemaDefinition.Column column, string valueKind)
    {
        column.AddAnnotation(ScoreColumnSetId, 0u, SetIdType);
        column.AddAnnotation(ScoreColumnKind, Multiclass.AsMemory(), TextDataViewType.Instance);
        column.AddAnnotation(ScoreValueKind, valueKind.AsMemory(), TextDataViewType.Instance);
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

    private sealed class Inputs;

    private sealed class Outputs
    {
        public uint PredictedLabel { get; set; }

        public float[] Score { get; set; } = [];
    }
}
