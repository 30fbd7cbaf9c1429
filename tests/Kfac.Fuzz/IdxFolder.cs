using System.IO.Compression;
using Kfac.Images;

namespace Kfac.Fuzz;

/// <summary>A folder with a pair of IDX files that are written, read and used.</summary>
public sealed class IdxFolder : IDisposable
{
    private const string Prefix = "train";

    private readonly string _folder = Directory.CreateTempSubdirectory().FullName;

    /// <summary>Writes one of the files, and deletes the one that it replaces.</summary>
    /// <param name="kind"><c>images-idx3</c> or <c>labels-idx1</c>.</param>
    /// <param name="bytes">What is in it.</param>
    /// <param name="compresses">Whether the bytes are compressed.</param>
    /// <returns>Bytes of the file.</returns>
    public long Write(string kind, byte[] bytes, bool compresses) => WriteFile(kind, compresses ? Compress(bytes) : bytes, compresses);

    /// <summary>Writes one of the files, and deletes the one that it replaces.</summary>
    /// <param name="kind"><c>images-idx3</c> or <c>labels-idx1</c>.</param>
    /// <param name="bytes">What is in the file, as it is.</param>
    /// <param name="isCompressed">Whether it is a gzip file by its name.</param>
    /// <returns>Bytes of the file.</returns>
    public long WriteFile(string kind, byte[] bytes, bool isCompressed)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        string path = Path.Combine(_folder, $"{Prefix}-{kind}-ubyte"), compressed = $"{path}.gz";
        File.Delete(isCompressed ? path : compressed);
        File.WriteAllBytes(isCompressed ? compressed : path, bytes);
        return bytes.Length;
    }

    /// <summary>Reads the pair.</summary>
    public MemoryImageSource Read() => IdxFile.ReadFolder(_folder, Prefix);

    /// <summary>Every image is there, with a label that is a class.</summary>
    /// <exception cref="InvalidOperationException">One is not.</exception>
    public static void Use(MemoryImageSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        var pixels = new float[source.Shape.Size];
        for (int n = 0; n < source.Count; n++)
        {
            source.ReadImage(n, pixels);
            int label = source.GetLabel(n);
            if (label < 0 || label >= source.ClassCount)
            {
                throw new InvalidOperationException($"image {n} should be of one of {source.ClassCount} classes, but is of class {label}");
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>The bytes as a gzip file.</summary>
    public static byte[] Compress(byte[] bytes)
    {
        using var compressed = new MemoryStream();
        using (var stream = new GZipStream(compressed, CompressionLevel.Fastest, leaveOpen: true))
        {
            stream.Write(bytes);
        }

        return compressed.ToArray();
    }
}
