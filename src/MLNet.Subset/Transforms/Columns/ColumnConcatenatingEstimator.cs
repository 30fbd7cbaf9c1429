using Microsoft.ML.Data;

namespace Microsoft.ML.Transforms;

/// <summary>Puts columns of one item type side by side in a vector.</summary>
public sealed class ColumnConcatenatingEstimator : IEstimator<ColumnConcatenatingTransformer>
{
    private readonly string _outputColumnName;
    private readonly string[] _inputColumnNames;

    internal ColumnConcatenatingEstimator(string outputColumnName, string[] inputColumnNames)
    {
        ArgumentException.ThrowIfNullOrEmpty(outputColumnName);
        if (inputColumnNames is not { Length: > 0 })
        {
            throw new ArgumentOutOfRangeException(nameof(inputColumnNames), $"Name the columns that '{outputColumnName}' is made of.");
        }

        _outputColumnName = outputColumnName;
        _inputColumnNames = inputColumnNames;
    }

    public ColumnConcatenatingTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        var transformer = new ColumnConcatenatingTransformer(_outputColumnName, _inputColumnNames);
        transformer.GetOutputSchema(input.Schema);
        return transformer;
    }

    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        SchemaShape.Column[] inputs = [.. _inputColumnNames.Select(inputSchema.RequireColumn)];
        foreach (SchemaShape.Column input in inputs)
        {
            if (input.IsKey || !input.ItemType.Equals(inputs[0].ItemType))
            {
                throw new InvalidOperationException(
                    $"Columns to concatenate have one item type, which is no key; '{inputs[0].Name}' has {inputs[0].TypeDescription}, '{input.Name}' has {input.TypeDescription}.");
            }
        }

        bool hasFixedSize = inputs.All(input => input.Kind != SchemaShape.Column.VectorKind.VariableVector);
        var annotations = new List<SchemaShape.Column>();
        if (inputs.All(input => input.Annotations.TryFindColumn(AnnotationKinds.IsNormalized, out _)))
        {
            annotations.Add(new SchemaShape.Column(AnnotationKinds.IsNormalized, BooleanDataViewType.Instance));
        }

        if (hasFixedSize && inputs.Any(HasSlotNames))
        {
            annotations.Add(new SchemaShape.Column(
                AnnotationKinds.SlotNames, SchemaShape.Column.VectorKind.Vector, TextDataViewType.Instance, isKey: false));
        }

        SchemaShape.Column.VectorKind kind = hasFixedSize ? SchemaShape.Column.VectorKind.Vector : SchemaShape.Column.VectorKind.VariableVector;
        return inputSchema.With([new SchemaShape.Column(_outputColumnName, kind, inputs[0].ItemType, isKey: false, new SchemaShape(annotations))]);
    }

    private static bool HasSlotNames(SchemaShape.Column input)
        => input.Kind == SchemaShape.Column.VectorKind.Scalar || input.Annotations.TryFindColumn(AnnotationKinds.SlotNames, out _);
}
