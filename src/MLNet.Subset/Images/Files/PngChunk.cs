using System.Buffers.Binary;
using System.Text;

namespace Microsoft.ML.Data;

/// <summary>The parts that a PNG file is made of: length, name, data and checksum.</summary>
internal static class PngChunk
{
    private const int LengthAndName = 8;
    private const int Checksum = 4;

    private static readonly uint[] CrcTable = MakeCrcTable();

    public static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    /// <summary>Takes the next chunk off the front.</summary>
    public static (string Name, byte[] Data) Read(ref ReadOnlySpan<byte> file)
    {
        if (file.Length < LengthAndName + Checksum)
        {
            throw new FormatException("The PNG file ends within a chunk.");
        }

        int length = (int)BinaryPrimitives.ReadUInt32BigEndian(file);
        if (length < 0 || length > file.Length - LengthAndName - Checksum)
        {
            throw new FormatException($"A chunk of the PNG file claims {(uint)length} bytes, but {file.Length - LengthAndName - Checksum} are left.");
        }

        ReadOnlySpan<byte> nameAndData = file.Slice(4, 4 + length);
        string name = Encoding.ASCII.GetString(nameAndData[..4]);
        if (BinaryPrimitives.ReadUInt32BigEndian(file[(LengthAndName + length)..]) != Crc(nameAndData))
        {
            throw new FormatException($"The chunk {name} of the PNG file is corrupt: its checksum does not fit.");
        }

        file = file[(LengthAndName + length + Checksum)..];
        return (name, nameAndData[4..].ToArray());
    }

    public static void Write(Stream file, string name, ReadOnlySpan<byte> data)
    {
        byte[] nameAndData = [.. Encoding.ASCII.GetBytes(name), .. data];
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
        file.Write(number);
        file.Write(nameAndData);
        BinaryPrimitives.WriteUInt32BigEndian(number, Crc(nameAndData));
        file.Write(number);
    }

    private static uint Crc(ReadOnlySpan<byte> data)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in data)
        {
            crc = CrcTable[(crc ^ b) & 0xFF] ^ (crc >> 8);
        }

        return ~crc;
    }

    // The CRC-32 of ISO 3309, with its polynomial bit-reversed.
    private static uint[] MakeCrcTable()
    {
        var table = new uint[256];
        for (uint n = 0; n < table.Length; n++)
        {
            uint crc = n;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) != 0 ? 0xEDB88320 ^ (crc >> 1) : crc >> 1;
            }

            table[n] = crc;
        }

        return table;
    }
}
