namespace Kfac.Training;

/// <summary>How often a training writes a checkpoint: after so many epochs, or whenever so much time has passed.</summary>
public sealed record CheckpointInterval
{
    private readonly int _epochs;
    private readonly TimeSpan _time;

    private CheckpointInterval(int epochs, TimeSpan time)
    {
        _epochs = epochs;
        _time = time;
    }

    /// <summary>At the end of every <paramref name="epochs"/>-th epoch.</summary>
    /// <param name="epochs">At least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="epochs"/> is less.</exception>
    public static CheckpointInterval Epochs(int epochs)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(epochs, 1);
        return new CheckpointInterval(epochs, default);
    }

    /// <summary>After the step during which the time since the last checkpoint reaches <paramref name="time"/>, within an epoch too.</summary>
    /// <param name="time">0 or more; 0 writes one after every step.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="time"/> is negative.</exception>
    public static CheckpointInterval Time(TimeSpan time)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(time, TimeSpan.Zero);
        return new CheckpointInterval(0, time);
    }

    /// <inheritdoc/>
    public override string ToString() => _epochs > 0 ? $"every {_epochs} epochs" : $"every {_time}";

    /// <summary>Whether one is to be written after a step.</summary>
    internal bool IsDueWithin(TimeSpan sinceLast) => _epochs == 0 && sinceLast >= _time;

    /// <summary>Whether one is to be written after an epoch, the <paramref name="epoch"/>-th of this training.</summary>
    internal bool IsDueAfter(int epoch, TimeSpan sinceLast) => _epochs > 0 ? epoch % _epochs == 0 : sinceLast >= _time;
}
