namespace Microsoft.ML.Data;

/// <summary>The vector of all items of some columns, in order.</summary>
internal sealed class Concatenation : ColumnComputation
{
    private readonly DataViewSchema.Column[] _inputs;
    private readonly PrimitiveDataViewType _itemType;

    public Concatenation(string outputColumnName, DataViewSchema.Column[] inputs)
    {
        _inputs = inputs;
        _itemType = inputs[0].Type.ItemTypeOrSelf as PrimitiveDataViewType
            ?? throw SchemaMismatch.WrongType("inputSchema", "input", inputs[0].Name, "a primitive type or a vector", inputs[0].Type.ToString());
        foreach (DataViewSchema.Column input in inputs)
        {
            if (!input.Type.ItemTypeOrSelf.Equals(_itemType))
            {
                throw SchemaMismatch.WrongType("inputSchema", "input", input.Name, _itemType.ToString(), input.Type.ToString());
            }
        }

        int[] sizes = [.. inputs.Select(input => input.Type is VectorDataViewType vector ? vector.Size : 1)];
        int size = sizes.Contains(0) ? 0 : sizes.Sum();
        var annotations = new DataViewSchema.Annotations.Builder();
        if (_itemType is NumberDataViewType && inputs.All(input => input.IsNormalized()))
        {
            annotations.AddPrimitiveValue(AnnotationKinds.IsNormalized, BooleanDataViewType.Instance, true);
        }

        if (size > 0 && inputs.Any(input => input.Type is not VectorDataViewType || input.HasSlotNames()))
        {
            ReadOnlyMemory<char>[] names = [.. inputs.SelectMany(SlotNames)];
            annotations.Add(
                AnnotationKinds.SlotNames,
                new VectorDataViewType(TextDataViewType.Instance, size),
                ConstantGetter.Of(new VBuffer<ReadOnlyMemory<char>>(size, names)));
        }

        OutputColumns = [new DataViewSchema.DetachedColumn(outputColumnName, new VectorDataViewType(_itemType, size), annotations.ToAnnotations())];
    }

    public override DataViewSchema.DetachedColumn[] OutputColumns { get; }

    public override IEnumerable<int> InputsOf(int output) => _inputs.Select(input => input.Index);

    public override Delegate[] MakeGetters(DataViewRow input, bool[] active)
        => [TypeArgument.Close(MakeGetter<int>, _itemType.RawType)(input)];

    // A scalar names its slot; the slots of a vector are named after it and themselves.
    private static IEnumerable<ReadOnlyMemory<char>> SlotNames(DataViewSchema.Column input)
    {
        if (input.Type is not VectorDataViewType vector)
        {
            return [input.Name.AsMemory()];
        }

        if (!input.HasSlotNames())
        {
            return new ReadOnlyMemory<char>[vector.Size];
        }

        VBuffer<ReadOnlyMemory<char>> names = default;
        input.GetSlotNames(ref names);
        return names.DenseValues().Select(name => name.IsEmpty ? name : $"{input.Name}.{name}".AsMemory());
    }

    private static Func<VBuffer<T>> MakePartReader<T>(DataViewRow row, DataViewSchema.Column column)
    {
        if (column.Type is VectorDataViewType)
        {
            ValueGetter<VBuffer<T>> getVector = row.GetGetter<VBuffer<T>>(column);
            VBuffer<T> vector = default;
            return () =>
            {
                getVector(ref vector);
                return vector;
            };
        }

        ValueGetter<T> getItem = row.GetGetter<T>(column);
        var single = new T[1];
        return () =>
        {
            getItem(ref single[0]);
            return new VBuffer<T>(1, single);
        };
    }

    private Delegate MakeGetter<T>(DataViewRow row)
    {
        Func<VBuffer<T>>[] readers = [.. _inputs.Select(input => MakePartReader<T>(row, input))];
        var parts = new VBuffer<T>[readers.Length];
        return (ValueGetter<VBuffer<T>>)((ref VBuffer<T> value) =>
        {
            int length = 0;
            for (int i = 0; i < parts.Length; i++)
            {
                parts[i] = readers[i]();
                length += parts[i].Length;
            }

            VBufferEditor<T> editor = VBufferEditor.Create(ref value, length);
            int start = 0;
            foreach (VBuffer<T> part in parts)
            {
                part.CopyTo(editor.Values, start);
                start += part.Length;
            }

            value = editor.Commit();
        });
    }
}
