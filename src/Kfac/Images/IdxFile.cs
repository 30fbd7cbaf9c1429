using System.Buffers.Binary;
using System.IO.Compression;

namespace Kfac.Images;

/// <summary>Reads labelled images from IDX files, the format of MNIST and its relatives, gzipped or not.</summary>
public static class IdxFile
{
    private const byte UnsignedByte = 0x08;

    /// <summary>
    /// Reads <c>PREFIX-images-idx3-ubyte</c> (grey, [N, H, W]) or <c>PREFIX-images-idx4-ubyte</c> (colour, [N, H, W, C]) and
    /// <c>PREFIX-labels-idx1-ubyte</c> from a folder, each with or without <c>.gz</c>.
    /// </summary>
    /// <param name="folder">Where the files are.</param>
    /// <param name="prefix"><c>train</c> or <c>t10k</c>, as the files are called.</param>
    /// <returns>The images, with pixels 0 … 255, in as many classes as the largest label asks for.</returns>
    /// <exception cref="FileNotFoundException">A file is missing; the message names it.</exception>
    /// <exception cref="FormatException">A file is not an IDX file of bytes, is cut short, or the two do not go together.</exception>
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
        var source = new MemoryImageSource(shape, labels.Length == 0 ? 0 : labels.Max() + 1);
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
    /// <exception cref="FormatException">The file is not an IDX file of bytes, or is cut short.</exception>
    public static (int[] Sizes, byte[] Values) Read(string path)
    {
        using FileStream file = File.OpenRead(path);
        using Stream stream = path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? new GZipStream(file, CompressionMode.Decompress) : file;
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

            double length = sizes.Aggregate(1.0, (a, b) => a * b);
            if (sizes.Any(size => size < 0) || length > Array.MaxLength)
            {
                throw new FormatException($"{path} claims [{string.Join(", ", sizes)}] values");
            }

            var values = new byte[(int)length];
            stream.ReadExactly(values);
            return (sizes, values);
        }
        catch (Exception e) when (e is EndOfStreamException or InvalidDataException)
        {
            throw new FormatException($"{path} is cut short or damaged: {e.Message}", e);
        }
    }

    private static string Find(string folder, params string[] names)
    {
        string[] candidates = [.. names.SelectMany(name => new[] { name, name + ".gz" }).Select(name => Path.Combine(folder, name))];
        return candidates.FirstOrDefault(File.Exists)
            ?? throw new FileNotFoundException($"none of {string.Join(", ", candidates.Select(Path.GetFileName))} is in {folder}", candidates[0]);
    }
}
