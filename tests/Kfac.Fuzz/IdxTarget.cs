using System.Buffers.Binary;
using Kfac.Images;

namespace Kfac.Fuzz;

/// <summary>
/// Pairs of IDX files in one: a byte that says how each is compressed, the length of the images in two bytes, the file of images
/// and that of labels.
/// </summary>
internal sealed class IdxTarget : FuzzTarget
{
    private const int HeaderLength = 3;

    private readonly LoadLimits _limits = new(isTimed: false);
    private readonly IdxFolder _folder = new();

    /// <summary>What the target does with the bytes of a file; in the first byte, two bits for the images, then two for the labels.</summary>
    private enum Compression
    {
        None,
        Compresses,
        IsCompressed,
    }

    public override FuzzOutcome Run(byte[] file, string what)
    {
        if (file.Length < HeaderLength)
        {
            return FuzzOutcome.Refused;
        }

        int images = Math.Min(BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan(1)), file.Length - HeaderLength);
        long bytes = Write("images-idx3", file[HeaderLength..(HeaderLength + images)], file[0]) + Write("labels-idx1", file[(HeaderLength + images)..], file[0] >> 2);
        if (!_limits.TryLoad(bytes, _folder.Read, what, out MemoryImageSource? source))
        {
            return FuzzOutcome.Refused;
        }

        IdxFolder.Use(source!);
        return FuzzOutcome.Used;
    }

    public override IEnumerable<(string Name, byte[] File)> Seeds()
    {
        byte[] grey = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 2, .. Enumerable.Range(0, 12).Select(i => (byte)(20 * i))];
        byte[] colour = [0, 0, 8, 4, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, .. grey[^12..]];
        byte[] labels = [0, 0, 8, 1, 0, 0, 0, 2, 0, 1];
        yield return ("grey", Pair(grey, labels, Compression.None, Compression.None));
        yield return ("colour", Pair(colour, labels, Compression.None, Compression.None));
        yield return ("compressed", Pair(grey, labels, Compression.Compresses, Compression.Compresses));
        yield return ("gzip", Pair(IdxFolder.Compress(grey), IdxFolder.Compress(labels), Compression.IsCompressed, Compression.IsCompressed));
    }

    public override void Dispose()
    {
        _folder.Dispose();
        base.Dispose();
    }

    private long Write(string kind, byte[] bytes, int compression) => (Compression)(compression & 3) switch
    {
        Compression.Compresses => _folder.Write(kind, bytes, compresses: true),
        Compression.IsCompressed => _folder.WriteFile(kind, bytes, isCompressed: true),
        _ => _folder.Write(kind, bytes, compresses: false),
    };

    private static byte[] Pair(byte[] images, byte[] labels, Compression ofImages, Compression ofLabels) =>
        [(byte)((int)ofImages | (int)ofLabels << 2), (byte)images.Length, (byte)(images.Length >> 8), .. images, .. labels];
}
