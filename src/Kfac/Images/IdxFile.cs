using System.Buffers.Binary;
using System.IO.Compression;

namespace Kfac.Images;

/// <summary>Reads labelled images from IDX files, the format of MNIST and its relatives, gzipped or not.</summary>
public static class IdxFile
{
    private const byte UnsignedByte = 0x08;

    /// <summary>A compressed file may hold so many times its bytes, and this allowance; Deflate could make a thousand of one.</summary>
    private const long MaxInflation = 20, Allowance = 64 << 20;

    private const int ChunkBytes = 1 << 20;

    /// <summary>
    /// Reads <c>PREFIX-images-idx3-ubyte</c> (grey, [N, H, W]) or <c>PREFIX-images-idx4-ubyte</c> (colour, [N, H, W, C]) and
    /// <c>PREFIX-labels-idx1-ubyte</c> from a folder, each with or without <c>.gz</c>.
    /// </summary>
    /// <param name="folder">Where the files are.</param>
    /// <param name="prefix"><c>train</c> or <c>t10k</c>, as the files are called.</param>
    /// <returns>The images, with pixels 0 … 255, in as many classes as the largest label asks for.</returns>
    /// <exception cref="FileNotFoundException">A file is missing; the message names it.</exception>
    /// <exception cref="FormatException">A file is not an IDX file of bytes, is cut short, holds more than 20 times its compressed bytes and 64 MiB, or the two do not go together.</exception>
    public static MemoryImageSource ReadFolder(string folder, string prefix)
    {
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(prefix);
        string imagesPath = Find(folder, $"{prefix}-images-idx3-ubyte", $"{prefix}-images-idx4-ubyte");
        string labelsPath = Find(folder, $"{prefix}-labels-idx1-ubyte");
        (int[] imageSizes, byte[] pixels) = Read(imagesPath);
        (int[] labelSizes, byte[] labels) = Read(labelsPath);
        if (imageSizes.Length is not (3 or 4) || labelSizes.Length != 1 || imageSizes[0] != labelSizes[0])
        {
            throw new FormatException($"{imagesPath} holds [{string.Join(", ", imageSizes)}] and {labelsPath} [{string.Join(", ", labelSizes)}], but images must be [N, H, W] or [N, H, W, C] and labels [N]");
        }

        var shape = new ImageShape(imageSizes[1], imageSizes[2], imageSizes.Length == 4 ? imageSizes[3] : 1);
        if (pixels.Length == 0)
        {
            throw new FormatException($"{imagesPath} holds [{string.Join(", ", imageSizes)}]: no image, or images without a pixel");
        }

        var source = new MemoryImageSource(shape, labels.Max() + 1);
        var image = new float[shape.Size];
        for (int n = 0; n < labels.Length; n++)
        {
            System.Numerics.Tensors.TensorPrimitives.ConvertTruncating<byte, float>(pixels.AsSpan(n * shape.Size, shape.Size), image);
            source.Add(image, labels[n]);
        }

        return source;
    }

    /// <summary>Reads one IDX file of unsigned bytes.</summary>
    /// <returns>The size of each dimension, slowest first, and the values.</returns>
    /// <exception cref="FormatException">The file is not an IDX file of bytes, is cut short, holds more than 20 times its compressed bytes and 64 MiB, or goes on behind its values.</exception>
    public static (int[] Sizes, byte[] Values) Read(string path)
    {
        using FileStream file = File.OpenRead(path);
        bool isCompressed = path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase);
        using Stream stream = isCompressed ? new GZipStream(file, CompressionMode.Decompress) : file;
        try
        {
            var word = new byte[4];
            stream.ReadExactly(word);
            if (word[0] != 0 || word[1] != 0 || word[2] != UnsignedByte)
            {
                throw new FormatException($"{path} is not an IDX file of unsigned bytes: it begins with {Convert.ToHexString(word)}");
            }

            var sizes = new int[word[3]];
            for (int i = 0; i < sizes.Length; i++)
            {
                stream.ReadExactly(word);
                sizes[i] = BinaryPrimitives.ReadInt32BigEndian(word);
            }

            double length = sizes.Aggregate(1.0, (a, b) => a * b), maxBytes = isCompressed ? MaxInflation * file.Length + Allowance : file.Length;
            if (sizes.Any(size => size < 0) || length > Math.Min(maxBytes, Array.MaxLength))
            {
                throw new FormatException($"{path} claims [{string.Join(", ", sizes)}] values, more than its {file.Length} bytes {(isCompressed ? $"may hold: at most {MaxInflation} times as many and {Allowance >> 20} MiB; decompress it if they are true" : "can hold")}");
            }

            byte[] values = ReadGrowing(stream, (int)length);
            return stream.ReadByte() < 0 ? (sizes, values) : throw new FormatException($"{path} goes on behind the [{string.Join(", ", sizes)}] values that it claims");
        }
        catch (Exception e) when (e is EndOfStreamException or InvalidDataException)
        {
            throw new FormatException($"{path} is cut short or damaged: {e.Message}", e);
        }
    }

    /// <summary>Reads <paramref name="length"/> bytes into memory that grows with what arrives: a compressed file may claim more than it has.</summary>
    private static byte[] ReadGrowing(Stream stream, int length)
    {
        var values = new byte[Math.Min(length, ChunkBytes)];
        for (int read = 0; ;)
        {
            stream.ReadExactly(values.AsSpan(read));
            read = values.Length;
            if (read == length)
            {
                return values;
            }

            Array.Resize(ref values, (int)Math.Min(length, 2L * read));
        }
    }

    private static string Find(string folder, params string[] names)
    {
        string[] candidates = [.. names.SelectMany(name => new[] { name, name + ".gz" }).Select(name => Path.Combine(folder, name))];
        return candidates.FirstOrDefault(File.Exists)
            ?? throw new FileNotFoundException($"none of {string.Join(", ", candidates.Select(Path.GetFileName))} is in {folder}", candidates[0]);
    }
}
