using System.IO.Compression;
using System.Reflection;
using Microsoft.ML.Runtime;

namespace Microsoft.ML;

/// <summary>Where a transformer reads itself from.</summary>
internal sealed class ModelLoadContext : IDisposable
{
    /// <summary>The body of this transformer's entry.</summary>
    public readonly BinaryReader Reader;

    private readonly ZipArchive _archive;
    private readonly string _directory;
    private readonly ModelEntryHeader _header;
    private readonly long _start;

    private ModelLoadContext(ZipArchive archive, string directory, MemoryStream entry)
    {
        _archive = archive;
        _directory = directory;
        Reader = new BinaryReader(entry);
        _header = ModelEntryHeader.Read(Reader);
        _start = entry.Position;
    }

    public void Dispose() => Reader.Dispose();

    /// <summary>Loads the object in a directory of the archive through the loadable class that its entry names.</summary>
    public static TRes Load<TRes>(IHostEnvironment env, ZipArchive archive, string directory)
        where TRes : class
    {
        MemoryStream entry = ModelArchive.ReadOrNull(archive, ModelArchive.EntryPath(directory))
            ?? throw new FormatException($"The model file has no entry '{directory}'.");
        using var context = new ModelLoadContext(archive, directory, entry);
        return context.Create<TRes>(env);
    }

    /// <summary>Loads a contained transformer from a directory below this one.</summary>
    public void LoadModel<TRes, TSig>(IHostEnvironment env, out TRes result, string name)
        where TRes : class
        => result = Load<TRes>(env, _archive, $"{_directory}/{name}");

    public void CheckAtModel()
    {
        if (Reader.BaseStream.Position != _start)
        {
            throw new InvalidOperationException("The entry has already been read from, but its transformer was to start.");
        }
    }

    public void CheckAtModel(VersionInfo ver)
    {
        CheckAtModel();
        CheckVersionInfo(ver);
    }

    public void CheckVersionInfo(VersionInfo ver) => _header.Require(ver);

    private TRes Create<TRes>(IHostEnvironment env)
        where TRes : class
    {
        if (_header.LoaderSignature.Length == 0)
        {
            throw new FormatException($"The entry '{_directory}' does not say what can load it: it was saved by a transformer without model format.");
        }

        env.ComponentCatalog.RegisterAssembly(Assembly.Load(_header.LoaderAssemblyName));
        return env.ComponentCatalog.Create(env, _header.LoaderSignature, this) as TRes
            ?? throw new FormatException($"The entry '{_directory}' holds '{_header.LoaderSignature}', which is not a {typeof(TRes).Name}.");
    }
}
