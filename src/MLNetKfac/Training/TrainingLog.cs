using System.Globalization;
using Kfac.Models;
using Microsoft.ML.Runtime;

namespace MLNetKfac.Training;

/// <summary>Tells the environment's listeners how a training goes: a line an epoch, warnings, and a progress channel.</summary>
internal sealed class TrainingLog : IDisposable
{
    private readonly IChannel _channel;
    private readonly IProgressChannel _progress;

    // Read by the environment's own timer, if it has one.
    private volatile EpochReport? _latest;

    public TrainingLog(IHostEnvironment environment)
    {
        _channel = environment.Start("Training");
        _progress = environment.StartProgressChannel("Training");
        _progress.SetHeader(new ProgressHeader(["Loss", "Accuracy"], ["epochs"]), Fill);
    }

    public void Info(string message) => _channel.Info(MessageSensitivity.None, message);

    public void Warn(string message) => _channel.Warning(MessageSensitivity.UserData, message);

    public void Report(EpochReport epoch)
    {
        _latest = epoch;
        _progress.Checkpoint(epoch.TrainingLoss, epoch.TrainingAccuracy, epoch.Epoch);
        string validation = epoch.ValidationAccuracy is null
            ? ""
            : string.Create(CultureInfo.InvariantCulture, $", validation loss {epoch.ValidationLoss:F4}, accuracy {epoch.ValidationAccuracy:F4}");
        Info(string.Create(
            CultureInfo.InvariantCulture,
            $"Epoch {epoch.Epoch} of {epoch.Epochs}: loss {epoch.TrainingLoss:F4}, accuracy {epoch.TrainingAccuracy:F4}{validation}, {epoch.ImagesPerSecond:F0} images/s"));
    }

    public void Dispose()
    {
        _progress.Dispose();
        _channel.Dispose();
    }

    private void Fill(IProgressEntry entry)
    {
        if (_latest is { } epoch)
        {
            entry.SetProgress(0, epoch.Epoch, epoch.Epochs);
            entry.SetMetric(0, epoch.TrainingLoss);
            entry.SetMetric(1, epoch.TrainingAccuracy);
        }
    }
}
