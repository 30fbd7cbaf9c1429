namespace Kfac.Training;

/// <summary>How far a training has come.</summary>
internal sealed class TrainingProgress
{
    /// <summary>Whole epochs that are done, their validation included.</summary>
    public int Epochs;

    /// <summary>Steps of the next epoch that are done.</summary>
    public int Steps;

    /// <summary>Sum of the images' losses over these steps.</summary>
    public double LossSum;

    /// <summary>Images of these steps that were classified correctly.</summary>
    public int Correct;

    /// <summary>Images of these steps.</summary>
    public int Seen;

    /// <summary>Learning rate of the last step.</summary>
    public double LearningRate;

    /// <summary>Training time, validation and checkpoints not counted.</summary>
    public double Seconds;

    /// <summary>The same at the start of the epoch.</summary>
    public double SecondsBefore;

    /// <summary>The best epoch so far, for early stopping, counted as reports count; 0 for none.</summary>
    public int BestEpoch;

    /// <summary>Whether there is nothing left to do.</summary>
    public bool HasEnded;

    /// <summary>Whether a step was taken.</summary>
    public bool HasStepped => Epochs > 0 || Steps > 0;

    /// <summary>Goes to the next epoch's start.</summary>
    public void EndEpoch()
    {
        Epochs++;
        Steps = Correct = Seen = 0;
        LossSum = 0;
        SecondsBefore = Seconds;
    }

    public void CaptureOrRestore(StateDictionary state)
    {
        state.CaptureOrRestore("progress.epochs", ref Epochs);
        state.CaptureOrRestore("progress.steps", ref Steps);
        state.CaptureOrRestore("progress.lossSum", ref LossSum);
        state.CaptureOrRestore("progress.correct", ref Correct);
        state.CaptureOrRestore("progress.seen", ref Seen);
        state.CaptureOrRestore("progress.learningRate", ref LearningRate);
        state.CaptureOrRestore("progress.seconds", ref Seconds);
        state.CaptureOrRestore("progress.secondsBefore", ref SecondsBefore);
        state.CaptureOrRestore("progress.bestEpoch", ref BestEpoch);
        state.CaptureOrRestore("progress.hasEnded", ref HasEnded);
    }
}
