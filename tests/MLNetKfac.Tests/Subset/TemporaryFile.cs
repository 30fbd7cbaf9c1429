namespace MLNetKfac.Tests.Subset;

/// <summary>A path for a file of one test, which is deleted with it.</summary>
internal sealed class TemporaryFile : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("mlnet-subset-");

    public TemporaryFile(string name, string? content = null)
    {
        Path = System.IO.Path.Combine(_directory.FullName, name);
        if (content is not null)
        {
            File.WriteAllText(Path, content);
        }
    }

    public string Path { get; }

    public string Folder => _directory.FullName;

    public void Dispose() => _directory.Delete(recursive: true);
}
