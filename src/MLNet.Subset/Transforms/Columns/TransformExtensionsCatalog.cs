using Microsoft.ML.Transforms;

namespace Microsoft.ML;

/// <summary>Transforms of the set of columns.</summary>
public static class TransformExtensionsCatalog
{
    public static ColumnCopyingEstimator CopyColumns(this TransformsCatalog catalog, string outputColumnName, string inputColumnName)
        => new([new(outputColumnName, inputColumnName)]);

    public static ColumnConcatenatingEstimator Concatenate(
        this TransformsCatalog catalog, string outputColumnName, params string[] inputColumnNames)
        => new(outputColumnName, inputColumnNames);

    public static ColumnSelectingEstimator DropColumns(this TransformsCatalog catalog, params string[] columnNames)
        => new(new ColumnSelectingTransformer(columnNames, drop: true, keepHidden: true));

    public static ColumnSelectingEstimator SelectColumns(this TransformsCatalog catalog, string[] columnNames, bool keepHidden)
        => new(new ColumnSelectingTransformer(columnNames, drop: false, keepHidden));

    public static ColumnSelectingEstimator SelectColumns(this TransformsCatalog catalog, params string[] columnNames)
        => catalog.SelectColumns(columnNames, keepHidden: false);
}
