using System.IO.Compression;

namespace Microsoft.ML;

/// <summary>The zip archive that a model file is; the entry of a transformer lies in a directory of its own.</summary>
internal static class ModelArchive
{
    public const string TransformerDirectory = "TransformerChain";
    public const string SchemaEntry = "Schema";

    private const string ModelEntry = "Model.key";

    public static string EntryPath(string directory) => $"{directory}/{ModelEntry}";

    /// <summary>Writes one entry; an archive that is being created takes them strictly one after the other.</summary>
    public static void Write(ZipArchive archive, string path, Action<BinaryWriter> write)
    {
        using Stream entry = archive.CreateEntry(path, CompressionLevel.Fastest).Open();
        using var writer = new BinaryWriter(entry);
        write(writer);
    }

    public static MemoryStream ReadOrNull(ZipArchive archive, string path)
    {
        if (archive.GetEntry(path) is not ZipArchiveEntry found)
        {
            return null;
        }

        var content = new MemoryStream();
        using (Stream entry = found.Open())
        {
            entry.CopyTo(content);
        }

        content.Position = 0;
        return content;
    }
}
