namespace Kfac.Training;

/// <summary>What one step of a training saw, before its update.</summary>
/// <param name="Epoch">1 for the first epoch.</param>
/// <param name="Batch">1 for the epoch's first step.</param>
/// <param name="BatchCount">Steps in the epoch.</param>
/// <param name="Loss">Mean loss of the step's images, in nats: cross-entropy, with weights and label smoothing where there are any.</param>
/// <param name="Accuracy">Share of them classified correctly, 0 … 1.</param>
/// <param name="LearningRate">Learning rate of the step.</param>
public readonly record struct BatchReport(int Epoch, int Batch, int BatchCount, double Loss, double Accuracy, double LearningRate);

/// <summary>What one epoch of a training came to.</summary>
/// <param name="Epoch">1 for the first epoch.</param>
/// <param name="Epochs">Epochs planned.</param>
/// <param name="TrainingLoss">Mean loss over the epoch's steps, in nats: cross-entropy, with weights and label smoothing where there are any.</param>
/// <param name="TrainingAccuracy">Share classified correctly over the epoch's steps, 0 … 1.</param>
/// <param name="ValidationLoss">Mean cross-entropy of the validation images after the epoch; null without any.</param>
/// <param name="ValidationAccuracy">Share of them classified correctly; null without any.</param>
/// <param name="Seconds">Training time since the start, validation not counted.</param>
/// <param name="ImagesPerSecond">Training images per second in this epoch.</param>
/// <param name="LearningRate">Learning rate of the epoch's last step.</param>
/// <param name="Rescues">Steps refused so far because the loss was not finite.</param>
/// <param name="CurvatureRescues">Inverses so far that needed more damping than was asked for.</param>
public sealed record EpochReport(
    int Epoch, int Epochs, double TrainingLoss, double TrainingAccuracy, double? ValidationLoss, double? ValidationAccuracy,
    double Seconds, double ImagesPerSecond, double LearningRate, int Rescues, int CurvatureRescues = 0);
