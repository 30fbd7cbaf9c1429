using System.Text.Json;

namespace MLNetKfac.Tool.Commands;

/// <summary>A file with a line of JSON for each epoch of a training.</summary>
internal sealed class TrainingJournal : IDisposable
{
    private readonly StreamWriter _writer;

    public TrainingJournal(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        _writer = new StreamWriter(path) { AutoFlush = true };
    }

    public void Write(KfacImageClassificationMetrics metrics)
    {
        if (metrics.Epoch is { } epoch)
        {
            _writer.WriteLine(JsonSerializer.Serialize(epoch, Output.Json));
        }
    }

    public void Dispose() => _writer.Dispose();
}
