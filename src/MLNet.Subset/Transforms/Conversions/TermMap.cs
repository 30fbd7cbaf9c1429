using Microsoft.ML.Transforms;

namespace Microsoft.ML.Data;

/// <summary>The values of one column that have a key: value number i has key i + 1, everything else key 0.</summary>
internal abstract class TermMap
{
    public abstract PrimitiveDataViewType ItemType { get; }

    public abstract int Count { get; }

    // A key type has at least one value, also where no value was seen.
    public KeyDataViewType KeyType => new(typeof(uint), Math.Max(1, Count));

    /// <summary>Collects the values of a column, scalar or vector, that are not missing.</summary>
    public static TermMap Learn(IDataView data, DataViewSchema.Column column, int maximumCount, ValueToKeyMappingEstimator.KeyOrdinality order)
        => TypeArgument.Close(Learn<int>, column.Type.ItemTypeOrSelf.RawType)(data, column, maximumCount, order);

    public static TermMap Read(BinaryReader reader)
    {
        var itemType = (PrimitiveDataViewType)DataViewTypeFormat.Read(reader);
        return TypeArgument.Close(Read<int>, itemType.RawType)(reader, itemType);
    }

    public abstract void Write(BinaryWriter writer);

    public abstract Delegate MakeGetter(DataViewRow row, DataViewSchema.Column input);

    /// <summary>Adds the annotation that tells the values behind the keys.</summary>
    public abstract void AddKeyValues(DataViewSchema.Annotations.Builder annotations, DataViewSchema.Column input, bool asText);

    private static TermMap Learn<T>(
        IDataView data, DataViewSchema.Column column, int maximumCount, ValueToKeyMappingEstimator.KeyOrdinality order)
    {
        var itemType = (PrimitiveDataViewType)column.Type.ItemTypeOrSelf;
        Func<T, bool> isMissing = MissingValue.PredicateOrNull<T>(itemType) ?? (_ => false);
        var seen = new HashSet<T>(TextComparer.EqualityFor<T>());
        var terms = new List<T>();
        using DataViewRowCursor cursor = data.GetRowCursor([column]);
        Action<Action<T>> visitItems = MakeItemVisitor<T>(cursor, column);
        while (cursor.MoveNext() && terms.Count < maximumCount)
        {
            visitItems(item =>
            {
                if (terms.Count < maximumCount && !isMissing(item) && seen.Add(item))
                {
                    terms.Add(item);
                }
            });
        }

        if (order == ValueToKeyMappingEstimator.KeyOrdinality.ByValue)
        {
            terms.Sort(TextComparer.OrderFor<T>());
        }

        return new TermMap<T>(itemType, [.. terms]);
    }

    private static Action<Action<T>> MakeItemVisitor<T>(DataViewRow row, DataViewSchema.Column column)
    {
        if (column.Type is not VectorDataViewType)
        {
            ValueGetter<T> getItem = row.GetGetter<T>(column);
            T item = default;
            return visit =>
            {
                getItem(ref item);
                visit(item);
            };
        }

        ValueGetter<VBuffer<T>> getVector = row.GetGetter<VBuffer<T>>(column);
        VBuffer<T> vector = default;
        return visit =>
        {
            getVector(ref vector);
            foreach (KeyValuePair<int, T> item in vector.Items(all: true))
            {
                visit(item.Value);
            }
        };
    }

    private static TermMap Read<T>(BinaryReader reader, PrimitiveDataViewType itemType)
    {
        ValueFormat<T> format = ValueFormat.For<T>();
        var terms = new T[reader.ReadInt32()];
        for (int i = 0; i < terms.Length; i++)
        {
            terms[i] = format.Read(reader);
        }

        return new TermMap<T>(itemType, terms);
    }
}

/// <summary>A term map over values of one type.</summary>
internal sealed class TermMap<T> : TermMap
{
    private readonly T[] _terms;
    private readonly Dictionary<T, uint> _keys;

    public TermMap(PrimitiveDataViewType itemType, T[] terms)
    {
        ItemType = itemType;
        _terms = terms;
        _keys = new Dictionary<T, uint>(terms.Length, TextComparer.EqualityFor<T>());
        foreach (T term in terms)
        {
            _keys.Add(term, (uint)_keys.Count + 1);
        }
    }

    public override PrimitiveDataViewType ItemType { get; }

    public override int Count => _terms.Length;

    public override void Write(BinaryWriter writer)
    {
        ValueFormat<T> format = ValueFormat.For<T>();
        DataViewTypeFormat.Write(writer, ItemType);
        writer.Write(_terms.Length);
        foreach (T term in _terms)
        {
            format.Write(writer, term);
        }
    }

    public override Delegate MakeGetter(DataViewRow row, DataViewSchema.Column input)
        => ItemMap.MakeGetter<T, uint>(row, input, item => _keys.GetValueOrDefault(item));

    public override void AddKeyValues(DataViewSchema.Annotations.Builder annotations, DataViewSchema.Column input, bool asText)
    {
        if (Count == 0)
        {
            return;
        }

        if (ItemType is KeyDataViewType
            && input.Annotations.Schema.GetColumnOrNull(AnnotationKinds.KeyValues) is { Type: VectorDataViewType inputValues })
        {
            // The values behind keys of keys are those behind the keys they were made from.
            TypeArgument.Close(AddValuesOfKeys<int>, inputValues.ItemType.RawType)(annotations, input, inputValues.ItemType);
            return;
        }

        if (asText)
        {
            Add(annotations, TextDataViewType.Instance, [.. _terms.Select(term => $"{term}".AsMemory())]);
            return;
        }

        Add(annotations, ItemType, _terms);
    }

    private static void Add<TValue>(DataViewSchema.Annotations.Builder annotations, PrimitiveDataViewType type, TValue[] values)
        => annotations.Add(
            AnnotationKinds.KeyValues, new VectorDataViewType(type, values.Length), ConstantGetter.Of(new VBuffer<TValue>(values.Length, values)));

    private void AddValuesOfKeys<TValue>(
        DataViewSchema.Annotations.Builder annotations, DataViewSchema.Column input, PrimitiveDataViewType valueType)
    {
        VBuffer<TValue> inputValues = default;
        input.GetKeyValues(ref inputValues);
        Add(annotations, valueType, [.. _terms.Select(term => inputValues.GetItemOrDefault((int)(Convert.ToUInt64(term) - 1)))]);
    }
}
