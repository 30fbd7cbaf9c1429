namespace Kfac.Models;

/// <summary>What one epoch of a training came to.</summary>
/// <param name="Epoch">1 for the first epoch.</param>
/// <param name="Epochs">Epochs planned.</param>
/// <param name="TrainingLoss">Mean loss over the epoch's steps, in nats: cross-entropy, with weights and label smoothing where there are any.</param>
/// <param name="TrainingAccuracy">Share classified correctly over the epoch's steps, 0 … 1.</param>
/// <param name="ValidationLoss">Mean cross-entropy of the validation images after the epoch, in nats; null without any.</param>
/// <param name="ValidationAccuracy">Share of them classified correctly; null without any.</param>
/// <param name="Seconds">Training time since the first epoch, that of a previous model included, validation and checkpoints not counted.</param>
/// <param name="ImagesPerSecond">Training images per second in this epoch.</param>
/// <param name="LearningRate">Learning rate of the epoch's last step, after the schedule's factor and recoveries; of the first layer where layers differ.</param>
/// <param name="Recoveries">Steps refused so far because the loss, the gradient or a parameter was not finite.</param>
/// <param name="CurvatureRecoveries">Inverses so far that needed more damping than was asked for.</param>
public sealed record EpochReport(
    int Epoch, int Epochs, double TrainingLoss, double TrainingAccuracy, double? ValidationLoss, double? ValidationAccuracy,
    double Seconds, double ImagesPerSecond, double LearningRate, int Recoveries, int CurvatureRecoveries = 0)
{
    /// <summary>The epoch in a line: number, loss, accuracy, those of validation, seconds.</summary>
    public override string ToString() => FormattableString.Invariant(
        $"epoch {Epoch} of {Epochs}: loss {TrainingLoss:F4}, accuracy {100 * TrainingAccuracy:F1} %{(ValidationLoss is null ? "" : FormattableString.Invariant($"; validation {ValidationLoss:F4}, {100 * ValidationAccuracy:F1} %"))}; {Seconds:F1} s");
}
