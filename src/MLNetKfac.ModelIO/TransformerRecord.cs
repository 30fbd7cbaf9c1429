using System.Text;

namespace MLNetKfac.ModelIO;

/// <summary>
/// The image classifier as it lies in a model file, little endian: kind (a length byte, then UTF-8), version (Int32), payload (an
/// Int64 length, then the bytes). This layout is fixed for good; whatever evolves does so inside the payload, under its version.
/// </summary>
/// <param name="Version">Version of the payload, from 1.</param>
/// <param name="Payload">What the component wrote.</param>
internal sealed record TransformerRecord(int Version, ReadOnlyMemory<byte> Payload)
{
    /// <summary>The one kind of transformer there is.</summary>
    public const string Kind = "KfacImageClassification";

    public void WriteTo(BinaryWriter writer)
    {
        writer.Write((byte)Kind.Length);
        writer.Write(Encoding.UTF8.GetBytes(Kind));
        writer.Write(Version);
        writer.Write((long)Payload.Length);
        writer.Write(Payload.Span);
    }

    /// <exception cref="InvalidDataException">The record is damaged or of another kind.</exception>
    public static TransformerRecord ReadFrom(BinaryReader reader)
    {
        try
        {
            string kind = Encoding.UTF8.GetString(ReadBytes(reader, reader.ReadByte(), "the kind"));
            return kind == Kind
                ? new TransformerRecord(reader.ReadInt32(), ReadBytes(reader, reader.ReadInt64(), "the payload"))
                : throw new InvalidDataException($"The model holds a transformer of kind '{kind}', but MLNetKfac knows only '{Kind}'.");
        }
        catch (EndOfStreamException end)
        {
            throw new InvalidDataException("The model file is damaged: it ends within the record of a transformer.", end);
        }
    }

    private static byte[] ReadBytes(BinaryReader reader, long length, string what)
    {
        // Before anything is allocated on the word of the file.
        long remaining = reader.BaseStream.Length - reader.BaseStream.Position;
        if (length < 0 || length > Math.Min(remaining, Array.MaxLength))
        {
            throw new InvalidDataException($"The model file is damaged: it claims {length} bytes for {what} of a transformer, but {remaining} are left.");
        }

        byte[] bytes = new byte[length];
        reader.BaseStream.ReadExactly(bytes);
        return bytes;
    }
}
