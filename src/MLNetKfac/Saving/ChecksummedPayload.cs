using System.Buffers.Binary;
using System.Security.Cryptography;

namespace MLNetKfac.Saving;

/// <summary>Bytes with their SHA-256 behind them.</summary>
internal static class ChecksummedPayload
{
    /// <summary>Writes the length of <paramref name="content"/> (4 bytes, little endian), the content and its SHA-256.</summary>
    public static void Write(Stream stream, ReadOnlySpan<byte> content)
    {
        Span<byte> length = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(length, content.Length);
        stream.Write(length);
        stream.Write(content);
        stream.Write(SHA256.HashData(content));
    }

    /// <summary>The content that <see cref="Write"/> put at the front of <paramref name="payload"/>, and what follows it.</summary>
    /// <exception cref="FormatException">The content is damaged.</exception>
    public static (ReadOnlyMemory<byte> Content, ReadOnlyMemory<byte> Behind) ReadFront(ReadOnlyMemory<byte> payload)
    {
        int length = payload.Length < sizeof(int) ? -1 : BinaryPrimitives.ReadInt32LittleEndian(payload.Span);
        long end = (long)sizeof(int) + length + SHA256.HashSizeInBytes;
        return length >= 0 && end <= payload.Length
            ? (Open(payload[sizeof(int)..(int)end]), payload[(int)end..])
            : throw new FormatException($"it claims {length} bytes for columns and labels, but has {payload.Length} in all");
    }

    /// <summary>The content of <paramref name="sealedContent"/>, whose last 32 bytes are the SHA-256 of the others.</summary>
    /// <exception cref="FormatException">The content is damaged.</exception>
    public static ReadOnlyMemory<byte> Open(ReadOnlyMemory<byte> sealedContent)
    {
        int length = sealedContent.Length - SHA256.HashSizeInBytes;
        return length >= 0 && sealedContent.Span[length..].SequenceEqual(SHA256.HashData(sealedContent.Span[..length]))
            ? sealedContent[..length]
            : throw new FormatException($"the checksum of its {sealedContent.Length} bytes does not match them");
    }
}
