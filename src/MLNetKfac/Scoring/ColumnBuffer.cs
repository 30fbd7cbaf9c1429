using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetKfac.Scoring;

/// <summary>Copies of one column's values in some rows.</summary>
internal abstract class ColumnBuffer
{
    /// <summary>A buffer for the column's values, which are of a type known at run time only.</summary>
    public static ColumnBuffer Create(DataViewRow input, DataViewSchema.Column column, int capacity)
    {
        Type rawType = column.Type.RawType;
        Type bufferType = rawType.IsGenericType && rawType.GetGenericTypeDefinition() == typeof(VBuffer<>)
            ? typeof(VectorColumnBuffer<>).MakeGenericType(rawType.GetGenericArguments())
            : typeof(ValueColumnBuffer<>).MakeGenericType(rawType);
        return (ColumnBuffer)Activator.CreateInstance(bufferType, input, column, capacity)!;
    }

    /// <summary>Copies the value in the input's current row.</summary>
    public abstract void Read(int row);

    /// <summary>A <see cref="ValueGetter{TValue}"/> of the value in the row that <paramref name="current"/> gives.</summary>
    public abstract Delegate CreateGetter(Func<int> current);
}

/// <summary>Copies of values that are not vectors.</summary>
internal sealed class ValueColumnBuffer<T>(DataViewRow input, DataViewSchema.Column column, int capacity) : ColumnBuffer
{
    private readonly ValueGetter<T> _getter = input.GetGetter<T>(column);
    private readonly T?[] _values = new T?[capacity];

    public override void Read(int row)
    {
        // Getters may reuse or dispose the object they are given, as image loaders do; this one was handed out.
        _values[row] = default;
        _getter(ref _values[row]!);
    }

    public override Delegate CreateGetter(Func<int> current) => (ValueGetter<T>)((ref T value) => value = _values[current()]!);
}

/// <summary>Copies of vectors; each row keeps its memory for the next value.</summary>
internal sealed class VectorColumnBuffer<T>(DataViewRow input, DataViewSchema.Column column, int capacity) : ColumnBuffer
{
    private readonly ValueGetter<VBuffer<T>> _getter = input.GetGetter<VBuffer<T>>(column);
    private readonly VBuffer<T>[] _values = new VBuffer<T>[capacity];

    public override void Read(int row) => _getter(ref _values[row]);

    public override Delegate CreateGetter(Func<int> current) =>
        (ValueGetter<VBuffer<T>>)((ref VBuffer<T> value) => _values[current()].CopyTo(ref value));
}
