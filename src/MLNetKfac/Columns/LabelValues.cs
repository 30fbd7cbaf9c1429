using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetKfac.Columns;

/// <summary>The values behind a key label, in the order of the classes: class names, mostly.</summary>
internal abstract class LabelValues
{
    public const string KeyValues = "KeyValues";

    /// <summary>Each value as text.</summary>
    public abstract IReadOnlyList<string> Texts { get; }

    /// <summary>How values of this type are stored, read and announced.</summary>
    public abstract LabelValueType Type { get; }

    /// <summary>The values behind a label column, or null where its key does not have one for each class.</summary>
    /// <exception cref="ArgumentOutOfRangeException">They are of a type that no ML.NET transform makes keys of.</exception>
    public static LabelValues? Of(DataViewSchema.Column label, int classCount)
    {
        DataViewSchema.Column? annotation = label.Annotations.Schema.GetColumnOrNull(KeyValues);
        if (annotation?.Type is not VectorDataViewType vector || vector.Size != classCount)
        {
            return null;
        }

        LabelValueType type = LabelValueType.Find(vector.ItemType)
            ?? throw ColumnMismatch.Create(OptionNames.LabelColumn, label.Name, "a key of numbers, text or time", $"{label.Type} of {vector.ItemType}");
        return type.FromAnnotation(label.Annotations);
    }

    /// <summary>Adds the values as an annotation, as <c>MapKeyToValue</c> and evaluators look for them.</summary>
    public abstract void AddTo(DataViewSchema.Annotations.Builder annotations, string kind);

    public abstract void Write(BinaryWriter writer);
}

/// <summary>Label values of type <typeparamref name="T"/>.</summary>
internal sealed class LabelValues<T>(LabelValueType<T> type, T[] values) : LabelValues
{
    public override IReadOnlyList<string> Texts => field ??= [.. values.Select(value => string.Create(CultureInfo.InvariantCulture, $"{value}"))];

    public override LabelValueType Type => type;

    public override void AddTo(DataViewSchema.Annotations.Builder annotations, string kind) =>
        annotations.Add<VBuffer<T>>(
            kind,
            new VectorDataViewType(type.ItemType, values.Length),
            (ref VBuffer<T> value) => VBuffer<T>.Copy(values, 0, ref value, values.Length));

    public override void Write(BinaryWriter writer) => Array.ForEach(values, value => type.Write(writer, value));
}
