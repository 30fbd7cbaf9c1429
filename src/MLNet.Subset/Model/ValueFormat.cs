namespace Microsoft.ML.Data;

/// <summary>Column values of one type as bytes.</summary>
internal sealed record ValueFormat<T>(Action<BinaryWriter, T> Write, Func<BinaryReader, T> Read);

/// <summary>The value formats by type: primitives, and vectors of them.</summary>
internal static class ValueFormat
{
    private static readonly Dictionary<Type, object> Primitives = new object[]
    {
        new ValueFormat<sbyte>((writer, value) => writer.Write(value), reader => reader.ReadSByte()),
        new ValueFormat<byte>((writer, value) => writer.Write(value), reader => reader.ReadByte()),
        new ValueFormat<short>((writer, value) => writer.Write(value), reader => reader.ReadInt16()),
        new ValueFormat<ushort>((writer, value) => writer.Write(value), reader => reader.ReadUInt16()),
        new ValueFormat<int>((writer, value) => writer.Write(value), reader => reader.ReadInt32()),
        new ValueFormat<uint>((writer, value) => writer.Write(value), reader => reader.ReadUInt32()),
        new ValueFormat<long>((writer, value) => writer.Write(value), reader => reader.ReadInt64()),
        new ValueFormat<ulong>((writer, value) => writer.Write(value), reader => reader.ReadUInt64()),
        new ValueFormat<float>((writer, value) => writer.Write(value), reader => reader.ReadSingle()),
        new ValueFormat<double>((writer, value) => writer.Write(value), reader => reader.ReadDouble()),
        new ValueFormat<bool>((writer, value) => writer.Write(value), reader => reader.ReadBoolean()),
        new ValueFormat<ReadOnlyMemory<char>>((writer, value) => writer.Write(value.ToString()), reader => reader.ReadString().AsMemory()),
        new ValueFormat<TimeSpan>((writer, value) => writer.Write(value.Ticks), reader => new TimeSpan(reader.ReadInt64())),
        new ValueFormat<DateTime>((writer, value) => writer.Write(value.ToBinary()), reader => DateTime.FromBinary(reader.ReadInt64())),
        new ValueFormat<DateTimeOffset>(WriteDateTimeOffset, ReadDateTimeOffset),
        new ValueFormat<DataViewRowId>(WriteRowId, reader => new DataViewRowId(reader.ReadUInt64(), reader.ReadUInt64())),
    }.ToDictionary(format => format.GetType().GetGenericArguments()[0]);

    public static bool Supports(DataViewType type) => Primitives.ContainsKey(type.ItemTypeOrSelf.RawType);

    /// <summary>The format for a raw type; that of a vector is made from that of its items.</summary>
    public static ValueFormat<T> For<T>()
    {
        if (typeof(T).IsGenericType && typeof(T).GetGenericTypeDefinition() == typeof(VBuffer<>))
        {
            return (ValueFormat<T>)TypeArgument.Close(ForVector<int>, typeof(T).GetGenericArguments()[0])();
        }

        return Primitives.TryGetValue(typeof(T), out object format)
            ? (ValueFormat<T>)format
            : throw new NotSupportedException($"Values of type {typeof(T)} cannot be saved.");
    }

    private static object ForVector<TItem>()
    {
        ValueFormat<TItem> item = For<TItem>();
        return new ValueFormat<VBuffer<TItem>>(
            (writer, vector) => WriteVector(writer, vector, item.Write),
            reader => ReadVector(reader, item.Read));
    }

    private static void WriteVector<TItem>(BinaryWriter writer, VBuffer<TItem> vector, Action<BinaryWriter, TItem> writeItem)
    {
        ReadOnlySpan<TItem> values = vector.GetValues();
        writer.Write(vector.Length);
        writer.Write(values.Length);
        foreach (int index in vector.GetIndices())
        {
            writer.Write(index);
        }

        foreach (TItem value in values)
        {
            writeItem(writer, value);
        }
    }

    private static VBuffer<TItem> ReadVector<TItem>(BinaryReader reader, Func<BinaryReader, TItem> readItem)
    {
        int length = reader.ReadInt32();
        var values = new TItem[reader.ReadInt32()];
        int[] indices = values.Length < length ? new int[values.Length] : null;
        for (int i = 0; i < indices?.Length; i++)
        {
            indices[i] = reader.ReadInt32();
        }

        for (int i = 0; i < values.Length; i++)
        {
            values[i] = readItem(reader);
        }

        return new VBuffer<TItem>(length, values.Length, values, indices);
    }

    private static void WriteDateTimeOffset(BinaryWriter writer, DateTimeOffset value)
    {
        writer.Write(value.Ticks);
        writer.Write(value.Offset.Ticks);
    }

    private static DateTimeOffset ReadDateTimeOffset(BinaryReader reader) => new(reader.ReadInt64(), new TimeSpan(reader.ReadInt64()));

    private static void WriteRowId(BinaryWriter writer, DataViewRowId value)
    {
        writer.Write(value.Low);
        writer.Write(value.High);
    }
}
