using System.Numerics;

namespace Microsoft.ML.Data;

/// <summary>y = (x - offset) scale, for each slot of a column.</summary>
internal abstract class AffineMap
{
    public abstract PrimitiveDataViewType ItemType { get; }

    public abstract int SlotCount { get; }

    /// <summary>
    /// Learns, from the finite values of up to <paramref name="maximumCount"/> rows, the map of each slot to [0, 1],
    /// or, with zero fixed, to [-1, 1]. A slot that is constant maps to 0.
    /// </summary>
    public static AffineMap LearnMinMax(IDataView data, DataViewSchema.Column column, long maximumCount, bool fixZero)
        => column.Type.ItemTypeOrSelf == NumberDataViewType.Double
            ? LearnMinMax<double>(data, column, maximumCount, fixZero)
            : LearnMinMax<float>(data, column, maximumCount, fixZero);

    public static AffineMap Read(BinaryReader reader)
        => DataViewTypeFormat.Read(reader) == NumberDataViewType.Double ? Read<double>(reader) : Read<float>(reader);

    public abstract void Write(BinaryWriter writer);

    public abstract Delegate MakeGetter(DataViewRow row, DataViewSchema.Column input);

    private static AffineMap<T> LearnMinMax<T>(IDataView data, DataViewSchema.Column column, long maximumCount, bool fixZero)
        where T : IFloatingPointIeee754<T>
    {
        int slots = column.Type is VectorDataViewType vector ? vector.Size : 1;
        var min = new T[slots];
        var max = new T[slots];
        Array.Fill(min, T.PositiveInfinity);
        Array.Fill(max, T.NegativeInfinity);
        using (DataViewRowCursor cursor = data.GetRowCursor([column]))
        {
            Action<T[]> read = MakeSlotReader<T>(cursor, column);
            var values = new T[slots];
            for (long row = 0; row < maximumCount && cursor.MoveNext(); row++)
            {
                read(values);
                for (int slot = 0; slot < slots; slot++)
                {
                    if (T.IsFinite(values[slot]))
                    {
                        min[slot] = T.Min(min[slot], values[slot]);
                        max[slot] = T.Max(max[slot], values[slot]);
                    }
                }
            }
        }

        var scale = new T[slots];
        var offset = new T[slots];
        for (int slot = 0; slot < slots; slot++)
        {
            if (max[slot] > min[slot])
            {
                scale[slot] = T.One / (fixZero ? T.Max(T.Abs(min[slot]), T.Abs(max[slot])) : max[slot] - min[slot]);
                offset[slot] = fixZero ? T.Zero : min[slot];
            }
        }

        return new AffineMap<T>(scale, offset);
    }

    private static Action<T[]> MakeSlotReader<T>(DataViewRow row, DataViewSchema.Column column)
    {
        if (column.Type is not VectorDataViewType)
        {
            ValueGetter<T> getItem = row.GetGetter<T>(column);
            return values => getItem(ref values[0]);
        }

        ValueGetter<VBuffer<T>> getVector = row.GetGetter<VBuffer<T>>(column);
        VBuffer<T> vector = default;
        return values =>
        {
            getVector(ref vector);
            vector.CopyTo(values);
        };
    }

    private static AffineMap<T> Read<T>(BinaryReader reader)
        where T : IFloatingPointIeee754<T>
    {
        Func<BinaryReader, VBuffer<T>> readVector = ValueFormat.For<VBuffer<T>>().Read;
        return new AffineMap<T>([.. readVector(reader).DenseValues()], [.. readVector(reader).DenseValues()]);
    }
}

/// <summary>An affine map of one kind of reals.</summary>
internal sealed class AffineMap<T>(T[] scale, T[] offset) : AffineMap
    where T : IFloatingPointIeee754<T>
{
    public override PrimitiveDataViewType ItemType
        => BuiltInTypes.TryFromRawType(typeof(T), out PrimitiveDataViewType type) ? type : null;

    public override int SlotCount => scale.Length;

    public override void Write(BinaryWriter writer)
    {
        Action<BinaryWriter, VBuffer<T>> writeVector = ValueFormat.For<VBuffer<T>>().Write;
        DataViewTypeFormat.Write(writer, ItemType);
        writeVector(writer, new VBuffer<T>(scale.Length, scale));
        writeVector(writer, new VBuffer<T>(offset.Length, offset));
    }

    public override Delegate MakeGetter(DataViewRow row, DataViewSchema.Column input)
    {
        if (input.Type is not VectorDataViewType)
        {
            ValueGetter<T> getItem = row.GetGetter<T>(input);
            return (ValueGetter<T>)((ref T value) =>
            {
                getItem(ref value);
                value = (value - offset[0]) * scale[0];
            });
        }

        ValueGetter<VBuffer<T>> getVector = row.GetGetter<VBuffer<T>>(input);
        VBuffer<T> source = default;
        return (ValueGetter<VBuffer<T>>)((ref VBuffer<T> value) =>
        {
            getVector(ref source);
            if (source.Length != scale.Length)
            {
                throw new InvalidOperationException($"Column '{input.Name}' was normalized with {scale.Length} slots, but a row has {source.Length}.");
            }

            VBufferEditor<T> editor = VBufferEditor.Create(ref value, source.Length);
            source.CopyTo(editor.Values);
            for (int slot = 0; slot < scale.Length; slot++)
            {
                editor.Values[slot] = (editor.Values[slot] - offset[slot]) * scale[slot];
            }

            value = editor.Commit();
        });
    }
}
