using Kfac.Images;
using Kfac.Models;

namespace Kfac.Training;

/// <summary>What an optimizer has counted.</summary>
/// <param name="Recoveries">Steps that were refused.</param>
/// <param name="CurvatureRecoveries">Inverses that needed more damping.</param>
/// <param name="Passes">Forward passes that trained.</param>
internal readonly record struct OptimizerCounts(int Recoveries, int CurvatureRecoveries, long Passes);

/// <summary>Which moments a training can have: what position, history and counters of a checkpoint must have in common.</summary>
/// <param name="options">What the training is to do.</param>
/// <param name="before">The reports that it begins with: the previous model's.</param>
/// <param name="images">Training images, N.</param>
/// <param name="steps">Steps of an epoch, S.</param>
/// <param name="validates">Whether there are validation images.</param>
/// <param name="start">What the optimizer had counted before the first step.</param>
internal sealed class PossibleMoments(TrainingOptions options, IReadOnlyList<EpochReport> before, int images, int steps, bool validates, OptimizerCounts start)
{
    /// <summary>A mean loss may be so far below 0 by rounding.</summary>
    private const double Rounding = 1e-3;

    /// <summary>Training time before the first step.</summary>
    private readonly double _startSeconds = before.Count == 0 ? 0 : before[^1].Seconds;

    /// <summary>The first thing that cannot be.</summary>
    /// <param name="progress">The position.</param>
    /// <param name="history">The previous model's reports, and one for each epoch that is done.</param>
    /// <param name="counts">What the optimizer has counted.</param>
    /// <returns>A clause; null where the moment is possible.</returns>
    public string? FindImpossible(TrainingProgress progress, IReadOnlyList<EpochReport> history, OptimizerCounts counts) =>
        InPosition(progress, history) ?? InHistory(history) ?? InEarlyStopping(progress, history) ?? InSums(progress, history, counts) ?? InCounts(progress, history, counts);

    private string? InPosition(TrainingProgress progress, IReadOnlyList<EpochReport> history) =>
        progress.Epochs < 0 || progress.Epochs > options.Epochs ? $"{progress.Epochs} of {options.Epochs} epochs are done"
        : history.Count != before.Count + progress.Epochs ? $"{before.Count} and {progress.Epochs} epochs are done, but {history.Count} reported"
        : progress.Steps < 0 || progress.Steps > steps ? $"{progress.Steps} of an epoch's {steps} steps are done"
        : progress.Steps > 0 && progress.Epochs == options.Epochs ? $"{progress.Steps} steps are done after the last epoch"
        : null;

    private string? InHistory(IReadOnlyList<EpochReport> history)
    {
        for (int i = 0; i < history.Count; i++)
        {
            if (i < before.Count ? history[i] != before[i] : !IsPossible(history[i], i == before.Count ? null : history[i - 1]))
            {
                return $"the report of epoch {i + 1} is {(i < before.Count ? "not the previous model's" : "impossible, by itself or after the one before")}";
            }
        }

        return null;
    }

    private bool IsPossible(EpochReport report, EpochReport? last) =>
        report.Epochs == before.Count + options.Epochs
        && IsLoss(report.TrainingLoss) && !double.IsInfinity(report.TrainingLoss) && IsShare(report.TrainingAccuracy)
        && double.IsNaN(report.TrainingLoss) == double.IsNaN(report.TrainingAccuracy)
        && report.ValidationLoss is null != validates && report.ValidationAccuracy is null != validates
        && !(report.ValidationLoss < -Rounding) && report.ValidationAccuracy is null or (>= 0 and <= 1)
        && double.IsFinite(report.Seconds) && report.Seconds >= (last?.Seconds ?? _startSeconds) && report.ImagesPerSecond > 0
        && IsRate(report.LearningRate)
        && report.Recoveries >= (last?.Recoveries ?? start.Recoveries) && report.CurvatureRecoveries >= (last?.CurvatureRecoveries ?? start.CurvatureRecoveries);

    /// <summary>Best epoch and end follow from the reports: the rule is gone through once more.</summary>
    private string? InEarlyStopping(TrainingProgress progress, IReadOnlyList<EpochReport> history)
    {
        int best = 0;
        bool hasEnded = progress.Epochs == options.Epochs;
        for (int i = before.Count; options.EarlyStopping is { } stopping && i < history.Count; i++)
        {
            EpochReport report = history[i];
            if (best == 0 || stopping.IsBetter(report, history[best - 1]))
            {
                best = report.Epoch;
            }
            else if (stopping.IsEnough(report, best))
            {
                if (report.Epoch < history.Count)
                {
                    return $"it went on after epoch {report.Epoch}, where it had to stop early";
                }

                hasEnded = true;
            }
        }

        return progress.BestEpoch != best ? $"its best epoch is {progress.BestEpoch}, but by its reports {best}"
            : progress.HasEnded != hasEnded ? $"it has {(hasEnded ? "not ended, although nothing is left to do" : $"ended after {progress.Epochs} of {options.Epochs} epochs")}"
            : hasEnded && progress.Steps > 0 ? $"{progress.Steps} steps are done after its end"
            : null;
    }

    private string? InSums(TrainingProgress progress, IReadOnlyList<EpochReport> history, OptimizerCounts counts)
    {
        EpochReport? last = progress.Epochs > 0 ? history[^1] : null;
        int most = BatchLoader.FirstImage(progress.Steps, images, steps);
        bool wasRefused = counts.Recoveries != (last?.Recoveries ?? start.Recoveries);
        return (wasRefused ? progress.Seen < 0 || progress.Seen > most : progress.Seen != most) ? $"{progress.Seen} images were seen in {progress.Steps} steps of {most} images"
            : progress.Correct < 0 || progress.Correct > progress.Seen ? $"{progress.Correct} of {progress.Seen} images were classified correctly"
            : (progress.Seen == 0 ? progress.LossSum != 0 : !double.IsFinite(progress.LossSum) || !IsLoss(progress.LossSum / progress.Seen)) ? $"the losses of {progress.Seen} images add up to {progress.LossSum}"
            : (progress.Steps == 0 ? progress.LearningRate != (last?.LearningRate ?? 0) : !IsRate(progress.LearningRate)) ? $"the last step's learning rate is {progress.LearningRate}"
            : progress.SecondsBefore != (last?.Seconds ?? _startSeconds) ? $"the epoch began after {progress.SecondsBefore} seconds, but the one before ended after {last?.Seconds ?? _startSeconds}"
            : (progress.Steps == 0 ? progress.Seconds != progress.SecondsBefore : !double.IsFinite(progress.Seconds) || progress.Seconds < progress.SecondsBefore) ? $"it has come from {progress.SecondsBefore} to {progress.Seconds} seconds in {progress.Steps} steps"
            : null;
    }

    private string? InCounts(TrainingProgress progress, IReadOnlyList<EpochReport> history, OptimizerCounts counts)
    {
        EpochReport? last = progress.Epochs > 0 ? history[^1] : null;
        long refused = (long)counts.Recoveries - start.Recoveries, passes = counts.Passes - start.Passes - ((long)progress.Epochs * steps + progress.Steps);
        return !Follows(counts.Recoveries, last?.Recoveries ?? start.Recoveries) ? $"{counts.Recoveries} steps were refused, {last?.Recoveries ?? start.Recoveries} before this epoch"
            : !Follows(counts.CurvatureRecoveries, last?.CurvatureRecoveries ?? start.CurvatureRecoveries) ? $"{counts.CurvatureRecoveries} inverses needed help, {last?.CurvatureRecoveries ?? start.CurvatureRecoveries} before this epoch"
            : passes < 0 || passes > refused ? $"{counts.Passes} passes do not go with the steps that are done"
            : null;

        bool Follows(int count, int first) => progress.Steps == 0 ? count == first : count >= first;
    }

    /// <summary>A mean loss, or NaN where every step was refused. With smoothing, rounding at large scores has no useful bound.</summary>
    private bool IsLoss(double mean) => options.LabelSmoothing > 0 || !(mean < -Rounding);

    private static bool IsShare(double accuracy) => accuracy is (>= 0 and <= 1) or double.NaN;

    private static bool IsRate(double rate) => double.IsFinite(rate) && rate >= 0;
}
