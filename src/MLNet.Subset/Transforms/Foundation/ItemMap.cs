namespace Microsoft.ML.Data;

/// <summary>Applies a function of single items to scalar and vector columns alike.</summary>
internal static class ItemMap
{
    /// <summary>The type of a column after its items are mapped to another type: a vector keeps its shape.</summary>
    public static DataViewType ResultType(DataViewType input, PrimitiveDataViewType itemType)
        => input is VectorDataViewType vector ? new VectorDataViewType(itemType, vector.Dimensions) : itemType;

    /// <summary>A getter of the mapped column. Sparse vectors stay sparse if the function maps default to default.</summary>
    public static Delegate MakeGetter<TSource, TResult>(DataViewRow row, DataViewSchema.Column column, Func<TSource, TResult> map)
    {
        if (column.Type is VectorDataViewType)
        {
            return MakeVectorGetter(row.GetGetter<VBuffer<TSource>>(column), map);
        }

        ValueGetter<TSource> getSource = row.GetGetter<TSource>(column);
        TSource source = default;
        return (ValueGetter<TResult>)((ref TResult value) =>
        {
            getSource(ref source);
            value = map(source);
        });
    }

    private static ValueGetter<VBuffer<TResult>> MakeVectorGetter<TSource, TResult>(
        ValueGetter<VBuffer<TSource>> getSource, Func<TSource, TResult> map)
    {
        bool keepsDefault = EqualityComparer<TResult>.Default.Equals(map(default), default);
        VBuffer<TSource> source = default;
        return (ref VBuffer<TResult> value) =>
        {
            getSource(ref source);
            ReadOnlySpan<TSource> stored = source.GetValues();
            if (source.IsDense || keepsDefault)
            {
                VBufferEditor<TResult> editor = VBufferEditor.Create(ref value, source.Length, stored.Length);
                for (int i = 0; i < stored.Length; i++)
                {
                    editor.Values[i] = map(stored[i]);
                }

                source.GetIndices().CopyTo(editor.Indices);
                value = editor.Commit();
                return;
            }

            VBufferEditor<TResult> dense = VBufferEditor.Create(ref value, source.Length);
            dense.Values.Fill(map(default));
            ReadOnlySpan<int> indices = source.GetIndices();
            for (int i = 0; i < stored.Length; i++)
            {
                dense.Values[indices[i]] = map(stored[i]);
            }

            value = dense.Commit();
        };
    }
}
