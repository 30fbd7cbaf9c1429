using Kfac.Models;
using Kfac.Training;

namespace MLNetKfac;

/// <summary>What <see cref="KfacImageClassificationTrainer.Options.MetricsCallback"/> is told: of a step or of an epoch, never of both.</summary>
/// <param name="Batch">What a step saw; null when this is about an epoch.</param>
/// <param name="Epoch">What an epoch came to; null when this is about a step.</param>
public sealed record KfacImageClassificationMetrics(BatchReport? Batch, EpochReport? Epoch);
