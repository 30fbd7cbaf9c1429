using System.Text;

namespace MLNetKfac.ModelIO;

/// <summary>
/// One transformer as it lies in a model file, little endian: kind (a length byte, then UTF-8), version (Int32), payload (an Int64
/// length, then the bytes). This layout is fixed for good; whatever evolves does so inside the payload, under its version.
/// </summary>
/// <param name="Kind">Names the loader.</param>
/// <param name="Version">Version of the payload, from 1.</param>
/// <param name="Payload">What the component wrote.</param>
internal sealed record TransformerRecord(string Kind, int Version, ArraySegment<byte> Payload)
{
    public void WriteTo(BinaryWriter writer)
    {
        byte[] kind = Encoding.UTF8.GetBytes(Kind);
        writer.Write(checked((byte)kind.Length));
        writer.Write(kind);
        writer.Write(Version);
        writer.Write((long)Payload.Count);
        writer.Write(Payload);
    }

    /// <exception cref="InvalidDataException">The record is damaged.</exception>
    public static TransformerRecord ReadFrom(BinaryReader reader)
    {
        try
        {
            string kind = Encoding.UTF8.GetString(ReadBytes(reader, reader.ReadByte(), "the kind"));
            int version = reader.ReadInt32();
            byte[] payload = ReadBytes(reader, reader.ReadInt64(), "the payload");
            return new TransformerRecord(kind, version, payload);
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
