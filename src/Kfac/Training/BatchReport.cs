namespace Kfac.Training;

/// <summary>What one step of a training saw, before its update.</summary>
/// <param name="Epoch">1 for the first epoch.</param>
/// <param name="Batch">1 for the epoch's first step.</param>
/// <param name="BatchCount">Steps in the epoch.</param>
/// <param name="Loss">Mean loss of the step's images, in nats: cross-entropy, with weights and label smoothing where there are any.</param>
/// <param name="Accuracy">Share of them classified correctly, 0 … 1.</param>
/// <param name="LearningRate">Learning rate of the step, after the schedule's factor and recoveries; of the first layer where layers differ.</param>
public readonly record struct BatchReport(int Epoch, int Batch, int BatchCount, double Loss, double Accuracy, double LearningRate)
{
    /// <summary>Epochs there are to be in all, those of an earlier training included.</summary>
    public int Epochs { get; init; }
}
