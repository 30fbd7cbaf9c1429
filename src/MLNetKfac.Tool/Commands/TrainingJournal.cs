using System.Text.Json;
using Kfac;
using Kfac.Models;

namespace MLNetKfac.Tool.Commands;

/// <summary>A file with a line of JSON for each epoch of a training.</summary>
internal sealed class TrainingJournal : IDisposable
{
    private readonly string _path;
    private readonly StreamWriter _writer;
    private bool _isBroken;

    /// <param name="path">The file; its folder is made if it does not exist.</param>
    /// <param name="goesOn">Whether to keep the lines of the file until it is known which epochs they are of.</param>
    public TrainingJournal(string path, bool goesOn)
    {
        _path = path;
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        _writer = new StreamWriter(path, append: goesOn) { AutoFlush = true };
    }

    /// <summary>Adds a line.</summary>
    /// <param name="epoch">What to write.</param>
    /// <param name="warn">Told once where the file cannot be written: a training goes on without it.</param>
    public void Write(EpochReport epoch, Action<string> warn) => Try(() => _writer.WriteLine(Line(epoch)), warn);

    /// <summary>Makes the file what it would be of a training that was never interrupted: a line for each epoch, once.</summary>
    /// <inheritdoc cref="Write"/>
    public void Complete(IEnumerable<EpochReport> epochs, Action<string> warn) => Try(
        () =>
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
        },
        warn);

    public void Dispose()
    {
        try
        {
            _writer.Dispose();
        }
        catch (IOException) when (_isBroken)
        {
            // What could not be written is told already.
        }
    }

    private void Try(Action write, Action<string> warn)
    {
        try
        {
            if (!_isBroken)
            {
                write();
            }
        }
        catch (IOException e)
        {
            _isBroken = true;
            warn($"--log {_path} has no more lines from here on: {e.Message}");
        }
    }

    private static string Line(EpochReport epoch) => JsonSerializer.Serialize(epoch, Output.Json);
}
