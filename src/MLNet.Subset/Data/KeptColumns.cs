namespace Microsoft.ML.Data;

/// <summary>Tells which columns can be kept while a cursor moves on: those of primitive items, but not images.</summary>
internal static class KeptColumns
{
    /// <summary>The data view without the columns whose values cannot be kept.</summary>
    public static IDataView Of(IDataView data)
    {
        int[] kept = [.. data.Schema.Where(column => column.Type is PrimitiveDataViewType or VectorDataViewType).Select(column => column.Index)];
        return kept.Length == data.Schema.Count ? data : new MappedDataView(data, ColumnMapper.Select(data.Schema, kept));
    }
}
