using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetKfac.Columns;

/// <summary>One of the types that label values can have.</summary>
internal abstract class LabelValueType(PrimitiveDataViewType itemType)
{
    /// <summary>All of them; a type's number in a model file is its place here, so that new ones go to the end.</summary>
    private static readonly LabelValueType[] All =
    [
        new LabelValueType<ReadOnlyMemory<char>>(TextDataViewType.Instance, (to, value) => to.Write(value.ToString()), from => from.ReadString().AsMemory()),
        new LabelValueType<float>(NumberDataViewType.Single, (to, value) => to.Write(value), from => from.ReadSingle()),
        new LabelValueType<double>(NumberDataViewType.Double, (to, value) => to.Write(value), from => from.ReadDouble()),
        new LabelValueType<sbyte>(NumberDataViewType.SByte, (to, value) => to.Write(value), from => from.ReadSByte()),
        new LabelValueType<byte>(NumberDataViewType.Byte, (to, value) => to.Write(value), from => from.ReadByte()),
        new LabelValueType<short>(NumberDataViewType.Int16, (to, value) => to.Write(value), from => from.ReadInt16()),
        new LabelValueType<ushort>(NumberDataViewType.UInt16, (to, value) => to.Write(value), from => from.ReadUInt16()),
        new LabelValueType<int>(NumberDataViewType.Int32, (to, value) => to.Write(value), from => from.ReadInt32()),
        new LabelValueType<uint>(NumberDataViewType.UInt32, (to, value) => to.Write(value), from => from.ReadUInt32()),
        new LabelValueType<long>(NumberDataViewType.Int64, (to, value) => to.Write(value), from => from.ReadInt64()),
        new LabelValueType<ulong>(NumberDataViewType.UInt64, (to, value) => to.Write(value), from => from.ReadUInt64()),
        new LabelValueType<bool>(BooleanDataViewType.Instance, (to, value) => to.Write(value), from => from.ReadBoolean()),
        new LabelValueType<TimeSpan>(TimeSpanDataViewType.Instance, (to, value) => to.Write(value.Ticks), from => new TimeSpan(from.ReadInt64())),
        new LabelValueType<DateTime>(DateTimeDataViewType.Instance, (to, value) => to.Write(value.ToBinary()), from => DateTime.FromBinary(from.ReadInt64())),
        new LabelValueType<DateTimeOffset>(DateTimeOffsetDataViewType.Instance, WriteWithOffset, ReadWithOffset),
    ];

    /// <summary>The ML.NET type of one value.</summary>
    public PrimitiveDataViewType ItemType { get; } = itemType;

    /// <summary>The type's number in a model file.</summary>
    public byte Number => (byte)Array.IndexOf(All, this);

    public static LabelValueType? Find(DataViewType itemType) => Array.Find(All, type => type.ItemType.Equals(itemType));

    /// <exception cref="InvalidDataException">There is no type of this number.</exception>
    public static LabelValueType Numbered(byte number) =>
        number < All.Length ? All[number] : throw new InvalidDataException($"the model's label values have type {number}, but only 0 to {All.Length - 1} are known");

    public abstract LabelValues FromAnnotation(DataViewSchema.Annotations annotations);

    /// <summary>Reads what <see cref="LabelValues.Write"/> wrote.</summary>
    /// <exception cref="EndOfStreamException">There are fewer than <paramref name="count"/>.</exception>
    public abstract LabelValues Read(BinaryReader reader, int count);

    /// <summary>As many values of this type, whatever they are.</summary>
    public abstract LabelValues Example(int count);

    private static void WriteWithOffset(BinaryWriter to, DateTimeOffset value)
    {
        to.Write(value.Ticks);
        to.Write((short)value.TotalOffsetMinutes);
    }

    private static DateTimeOffset ReadWithOffset(BinaryReader from) => new(from.ReadInt64(), TimeSpan.FromMinutes(from.ReadInt16()));
}

/// <summary>Label values held as <typeparamref name="T"/>.</summary>
internal sealed class LabelValueType<T>(PrimitiveDataViewType itemType, Action<BinaryWriter, T> write, Func<BinaryReader, T> read) : LabelValueType(itemType)
{
    public void Write(BinaryWriter writer, T value) => write(writer, value);

    public override LabelValues FromAnnotation(DataViewSchema.Annotations annotations)
    {
        VBuffer<T> values = default;
        annotations.GetValue(LabelValues.KeyValues, ref values);
        return new LabelValues<T>(this, [.. values.DenseValues()]);
    }

    public override LabelValues Read(BinaryReader reader, int count)
    {
        // A list, because the count comes from the file and only what can be read back is worth memory.
        var values = new List<T>();
        while (values.Count < count)
        {
            values.Add(read(reader));
        }

        return new LabelValues<T>(this, [.. values]);
    }

    public override LabelValues Example(int count) => new LabelValues<T>(this, new T[count]);
}
