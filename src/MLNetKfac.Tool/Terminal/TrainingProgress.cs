using System.Diagnostics;
using Kfac.Models;
using Kfac.Training;

namespace MLNetKfac.Tool.Terminal;

/// <summary>Shows how a training goes: a line for each epoch, and on a terminal a bar for the step at work.</summary>
internal sealed class TrainingProgress(Screen screen, bool goesOn)
{
    private const int BarLength = 22;

    private readonly Stopwatch _clock = new();
    private BatchReport? _batch;
    private double _lossSum, _accuracySum, _doneBefore;
    private int _epochBatches;
    private bool _hasHeader;
    private ImageFolderProgress _read;

    /// <summary>Whether a step or an epoch was reported.</summary>
    public bool HasStarted { get; private set; }

    /// <summary>Shows from now on that something is done before the first step.</summary>
    public void Begin() => screen.ShowStatus(Status);

    /// <summary>Takes note of pictures that were read or checked.</summary>
    public void Update(ImageFolderProgress read)
    {
        if (_read.IsCheck != read.IsCheck || read.Done <= 1)
        {
            _clock.Restart();
        }

        _read = read;
    }

    /// <summary>Takes note of a step or an epoch.</summary>
    public void Update(KfacImageClassificationMetrics metrics)
    {
        if (metrics.Batch is { } batch)
        {
            if (_batch is null)
            {
                _doneBefore = (batch.Epoch - 1 + (batch.Batch - 1.0) / batch.BatchCount) / batch.Epochs;
                _clock.Restart();
            }

            Start(batch.Epoch, batch.Batch);
            (_lossSum, _accuracySum, _epochBatches) = batch.Epoch != _batch?.Epoch ? (batch.Loss, batch.Accuracy, 1) : (_lossSum + batch.Loss, _accuracySum + batch.Accuracy, _epochBatches + 1);
            _batch = batch;
        }
        else if (metrics.Epoch is { } epoch)
        {
            Start(epoch.Epoch, step: null);
            Show(epoch);
        }
    }

    /// <summary>Says where a training goes on that was begun by another process.</summary>
    /// <param name="epoch">The epoch of the first report.</param>
    /// <param name="step">Its step; null where all steps of the epoch were done.</param>
    private void Start(int epoch, int? step)
    {
        if (goesOn && !HasStarted && (epoch, step) != (1, 1))
        {
            screen.Line(step is null ? $"goes on from the last step, epoch {epoch}" : $"goes on from step {step}, epoch {epoch}");
        }

        HasStarted = true;
    }

    private void Show(EpochReport epoch)
    {
        bool validates = epoch.ValidationLoss is not null;
        if (!_hasHeader)
        {
            screen.Line($"[bold]  epoch      loss  accuracy{(validates ? "   validation loss  accuracy" : "")}   images/s     time[/]");
            _hasHeader = true;
        }

        string validation = validates ? $"   {epoch.ValidationLoss,15:F4}  {Percent(epoch.ValidationAccuracy!.Value),8}" : "";
        screen.Line($"{epoch.Epoch,4}/{epoch.Epochs,-3} {epoch.TrainingLoss,8:F4}  {Percent(epoch.TrainingAccuracy),8}{validation}   {epoch.ImagesPerSecond,8:N0}  {ProgressBar.Time(epoch.Seconds),7}");
    }

    private string Status()
    {
        if (_batch is not { } batch)
        {
            return _read.Count == 0
                ? " reading …"
                : $" {(_read.IsCheck ? "checking" : "reading")} {_read.Done:N0} of {_read.Count:N0} pictures {Bar((double)_read.Done / _read.Count, before: 0)}";
        }

        double done = (batch.Epoch - 1 + (double)batch.Batch / batch.BatchCount) / batch.Epochs;
        return $" epoch {batch.Epoch,2}/{batch.Epochs,-2} {Bar(done, _doneBefore)}  loss {_lossSum / _epochBatches:F4}  accuracy {Percent(_accuracySum / _epochBatches)}";
    }

    /// <param name="done">Share that is done, 0 … 1.</param>
    /// <param name="before">Share that was done when the clock was started.</param>
    private string Bar(double done, double before) =>
        $"{ProgressBar.Of(done, BarLength)} {(done > before && _clock.Elapsed.TotalSeconds > 0.5 ? $"{ProgressBar.Time(_clock.Elapsed.TotalSeconds * (1 - done) / (done - before))} left" : "…")}";

    private static string Percent(double share) => $"{100 * share:F1} %";
}
