using System.Security.Cryptography;

namespace MLNetKfac.Persistence;

/// <summary>A payload with the SHA-256 of its bytes behind it.</summary>
internal static class ChecksummedPayload
{
    /// <summary>Writes what <paramref name="write"/> does, sealed.</summary>
    public static void Write(Stream stream, Action<Stream> write)
    {
        using var content = new MemoryStream();
        write(content);
        byte[] bytes = content.ToArray();
        stream.Write(bytes);
        stream.Write(SHA256.HashData(bytes));
    }

    /// <summary>What was sealed, once it is known to be undamaged.</summary>
    /// <exception cref="FormatException">It is not.</exception>
    public static MemoryStream Open(Stream stream)
    {
        using var all = new MemoryStream();
        stream.CopyTo(all);
        ReadOnlyMemory<byte> bytes = all.ToArray();
        int length = bytes.Length - SHA256.HashSizeInBytes;
        if (length < 0 || !bytes.Span[length..].SequenceEqual(SHA256.HashData(bytes.Span[..length])))
        {
            throw new FormatException($"the checksum of its {bytes.Length} bytes does not match them");
        }

        return new MemoryStream(bytes[..length].ToArray(), writable: false);
    }
}
