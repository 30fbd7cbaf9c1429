using Kfac.Models;
using Microsoft.ML.Data;
using MLNetKfac;

namespace OptimizerComparison;

/// <summary>What one training came to.</summary>
/// <param name="Model">The trained model.</param>
/// <param name="Metrics">How it does on the test images.</param>
/// <param name="FirstLayerFisher">Fisher diagonal of <see cref="FirstLayer"/>'s weights, in their order.</param>
internal sealed record Outcome(
    KfacImageClassificationModelParameters Model, MulticlassClassificationMetrics Metrics, float[] FirstLayerFisher)
{
    /// <summary>One report for each epoch; validated on the test images.</summary>
    public IReadOnlyList<EpochReport> Epochs => Model.TrainingHistory;

    /// <summary>The filter [R, S, C, K] of the first layer.</summary>
    public Kfac.Memory.Parameter FirstLayer => Model.Parameters[0];

    /// <summary>Training time, without the look at the test images after each epoch.</summary>
    public double Seconds => Epochs[^1].Seconds;

    public double BestAccuracy => Epochs.Max(epoch => epoch.ValidationAccuracy!.Value);

    /// <summary>The first epoch after which the accuracy on the test images was at least <paramref name="target"/>; null if there was none.</summary>
    public EpochReport? FirstAt(double target) => Epochs.FirstOrDefault(epoch => epoch.ValidationAccuracy >= target);

    /// <summary>An accuracy that every training reached, to compare how soon: the least of the best ones, rounded down to half a percent.</summary>
    public static double CommonTarget(IEnumerable<Contestant> contestants) => Math.Floor(contestants.SelectMany(contestant => contestant.Runs).Min(outcome => outcome.BestAccuracy) * 200) / 200;
}
