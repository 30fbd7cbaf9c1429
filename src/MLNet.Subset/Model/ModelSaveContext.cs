using System.IO.Compression;

namespace Microsoft.ML;

/// <summary>Where a transformer writes itself.</summary>
public sealed class ModelSaveContext : IDisposable
{
    /// <summary>
    /// The body of this transformer's entry. It is kept in memory until it is complete: transformers within this one write
    /// their entries meanwhile, and the archive takes one at a time.
    /// </summary>
    internal readonly BinaryWriter Writer;

    private readonly ZipArchive _archive;
    private readonly string _directory;
    private readonly MemoryStream _body = new();
    private VersionInfo _version;

    private ModelSaveContext(ZipArchive archive, string directory)
    {
        _archive = archive;
        _directory = directory;
        Writer = new BinaryWriter(_body);
    }

    public void Dispose() => Writer.Dispose();

    /// <summary>Writes a transformer, and what it contains, into a directory of the archive.</summary>
    internal static void Save(ZipArchive archive, string directory, ICanSaveModel model)
    {
        using var context = new ModelSaveContext(archive, directory);
        model.Save(context);
        context.Writer.Flush();
        ModelArchive.Write(archive, ModelArchive.EntryPath(directory), entry =>
        {
            ModelEntryHeader.From(context._version).Write(entry);
            entry.Write(context._body.GetBuffer(), 0, (int)context._body.Length);
        });
    }

    /// <summary>Writes a contained transformer into a directory below this one.</summary>
    internal void SaveModel<T>(T value, string name)
        where T : class
    {
        if (value is not ICanSaveModel model)
        {
            throw new NotSupportedException($"{value?.GetType().Name ?? "null"} cannot be saved in a model file.");
        }

        Save(_archive, $"{_directory}/{name}", model);
    }

    internal void SetVersionInfo(VersionInfo ver) => _version = ver;

    internal void CheckAtModel()
    {
        Writer.Flush();
        if (_body.Position != 0)
        {
            throw new InvalidOperationException($"The entry already has {_body.Position} bytes, but its transformer was to start it.");
        }
    }
}
