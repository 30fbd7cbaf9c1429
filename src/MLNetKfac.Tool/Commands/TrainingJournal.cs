using System.Text.Json;
using Kfac;
using Kfac.Models;

namespace MLNetKfac.Tool.Commands;

/// <summary>A file with a line of JSON for each epoch of a training.</summary>
internal sealed class TrainingJournal : IDisposable
{
    private readonly string _path;
    private readonly StreamWriter _writer;

    /// <param name="path">The file; its folder is made if it does not exist.</param>
    /// <param name="goesOn">Whether to keep the lines of the file until it is known which epochs they are of.</param>
    public TrainingJournal(string path, bool goesOn)
    {
        _path = path;
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        _writer = new StreamWriter(path, append: goesOn) { AutoFlush = true };
    }

    /// <summary>Adds a line.</summary>
    public void Write(EpochReport epoch) => _writer.WriteLine(Line(epoch));

    /// <summary>Makes the file what it would be of a training that was never interrupted: a line for each epoch, once.</summary>
    public void Complete(IEnumerable<EpochReport> epochs)
    {
        _writer.Dispose();
        AtomicFile.Write(_path, stream =>
        {
            using StreamWriter writer = new(stream, leaveOpen: true);
            foreach (EpochReport epoch in epochs)
            {
                writer.WriteLine(Line(epoch));
            }
        });
    }

    public void Dispose() => _writer.Dispose();

    private static string Line(EpochReport epoch) => JsonSerializer.Serialize(epoch, Output.Json);
}
