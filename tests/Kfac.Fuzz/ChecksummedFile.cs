using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Kfac.Fuzz;

/// <summary>
/// A kind of file that has a header, a body and the SHA-256 of both, in this order. Damage to the body reaches the parser only
/// once length and checksum are made good.
/// </summary>
public sealed class ChecksummedFile
{
    /// <summary>Model files: their header ends with the length of the body in eight bytes.</summary>
    public static readonly ChecksummedFile Model = new(headerLength: 20, hasLength: true);

    /// <summary>Checkpoints.</summary>
    public static readonly ChecksummedFile Checkpoint = new(headerLength: 12, hasLength: false);

    private readonly int _headerLength;
    private readonly bool _hasLength;

    private ChecksummedFile(int headerLength, bool hasLength)
    {
        _headerLength = headerLength;
        _hasLength = hasLength;
    }

    /// <summary>The body of a whole file.</summary>
    public byte[] Body(byte[] file) => file[_headerLength..^SHA256.HashSizeInBytes];

    /// <summary>A file with the header of another one, and a body of its own.</summary>
    public byte[] Seal(byte[] file, byte[] body)
    {
        ArgumentNullException.ThrowIfNull(body);
        byte[] whole = [.. file[.._headerLength], .. body];
        if (_hasLength)
        {
            BinaryPrimitives.WriteInt64LittleEndian(whole.AsSpan(_headerLength - sizeof(long)), body.Length);
        }

        return [.. whole, .. SHA256.HashData(whole)];
    }

    /// <summary>A damaged file with length and checksum made good; null for one without room for them.</summary>
    public byte[]? Repair(byte[] file)
    {
        ArgumentNullException.ThrowIfNull(file);
        return file.Length < _headerLength + SHA256.HashSizeInBytes ? null : Seal(file, Body(file));
    }
}
