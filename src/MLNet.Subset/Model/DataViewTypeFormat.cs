using System.Collections.Immutable;
using Microsoft.ML.Transforms.Image;

namespace Microsoft.ML.Data;

/// <summary>Column types as bytes.</summary>
internal static class DataViewTypeFormat
{
    private enum Tag : byte
    {
        Kind = 1,
        RowId = 2,
        Key = 3,
        Vector = 4,
        Image = 5,
    }

    public static void Write(BinaryWriter writer, DataViewType type)
    {
        switch (type)
        {
            case RowIdDataViewType:
                writer.Write((byte)Tag.RowId);
                break;
            case KeyDataViewType key:
                writer.Write((byte)Tag.Key);
                BuiltInTypes.TryFromRawType(key.RawType, out PrimitiveDataViewType integer);
                Write(writer, integer);
                writer.Write(key.Count);
                break;
            case VectorDataViewType vector:
                writer.Write((byte)Tag.Vector);
                Write(writer, vector.ItemType);
                writer.Write(vector.Dimensions.Length);
                foreach (int dimension in vector.Dimensions)
                {
                    writer.Write(dimension);
                }

                break;
            case ImageDataViewType image:
                writer.Write((byte)Tag.Image);
                writer.Write(image.Height);
                writer.Write(image.Width);
                break;
            case PrimitiveDataViewType primitive:
                writer.Write((byte)Tag.Kind);
                writer.Write((byte)BuiltInTypes.KindOf(primitive));
                break;
            default:
                throw new NotSupportedException($"A column type {type} cannot be saved.");
        }
    }

    public static DataViewType Read(BinaryReader reader)
    {
        var tag = (Tag)reader.ReadByte();
        switch (tag)
        {
            case Tag.Kind:
                return BuiltInTypes.FromKind((DataKind)reader.ReadByte());
            case Tag.RowId:
                return RowIdDataViewType.Instance;
            case Tag.Key:
                return new KeyDataViewType(Read(reader).RawType, reader.ReadUInt64());
            case Tag.Vector:
                var itemType = (PrimitiveDataViewType)Read(reader);
                var dimensions = new int[reader.ReadInt32()];
                for (int i = 0; i < dimensions.Length; i++)
                {
                    dimensions[i] = reader.ReadInt32();
                }

                return new VectorDataViewType(itemType, ImmutableArray.Create(dimensions));
            case Tag.Image:
                (int height, int width) = (reader.ReadInt32(), reader.ReadInt32());
                return height == 0 ? new ImageDataViewType() : new ImageDataViewType(height, width);
            default:
                throw new FormatException($"Not a column type: {tag}.");
        }
    }
}
