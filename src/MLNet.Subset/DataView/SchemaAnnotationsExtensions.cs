namespace Microsoft.ML.Data;

/// <summary>Reads the usual annotations of a column.</summary>
public static class SchemaAnnotationsExtensions
{
    /// <summary>Whether values of the column were scaled to comparable ranges.</summary>
    public static bool IsNormalized(this DataViewSchema.Column column)
    {
        if (column.Annotations.Schema.GetColumnOrNull(AnnotationKinds.IsNormalized) is not { Type: BooleanDataViewType })
        {
            return false;
        }

        bool isNormalized = false;
        column.Annotations.GetValue(AnnotationKinds.IsNormalized, ref isNormalized);
        return isNormalized;
    }

    /// <summary>Whether each slot of the fixed-size vector has a name.</summary>
    public static bool HasSlotNames(this DataViewSchema.Column column)
        => column.Type is VectorDataViewType { IsKnownSize: true } vector
            && HasVectorOf(column, AnnotationKinds.SlotNames, vector.Size, TextDataViewType.Instance);

    /// <summary>Gets the names of the slots.</summary>
    public static void GetSlotNames(this DataViewSchema.Column column, ref VBuffer<ReadOnlyMemory<char>> slotNames)
        => column.Annotations.GetValue(AnnotationKinds.SlotNames, ref slotNames);

    /// <summary>Whether each key of the column has a value, of text unless another type is given.</summary>
    public static bool HasKeyValues(this DataViewSchema.Column column, PrimitiveDataViewType keyValueItemType = null)
        => column.Type.ItemTypeOrSelf is KeyDataViewType { Count: <= int.MaxValue } key
            && HasVectorOf(column, AnnotationKinds.KeyValues, (int)key.Count, keyValueItemType ?? TextDataViewType.Instance);

    /// <summary>Gets the values behind the keys.</summary>
    public static void GetKeyValues<TValue>(this DataViewSchema.Column column, ref VBuffer<TValue> keyValues)
        => column.Annotations.GetValue(AnnotationKinds.KeyValues, ref keyValues);

    private static bool HasVectorOf(DataViewSchema.Column column, string kind, int size, PrimitiveDataViewType itemType)
        => column.Annotations.Schema.GetColumnOrNull(kind) is { Type: VectorDataViewType vector }
            && vector.Size == size
            && vector.ItemType.Equals(itemType);
}
