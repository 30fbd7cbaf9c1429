using System.Diagnostics;
using System.Globalization;
using Kfac.Models;

namespace Kfac.Training;

/// <summary>A training that writes checkpoints to a folder, and goes on from the newest one there.</summary>
internal sealed class CheckpointedTraining : IDisposable
{
    private readonly TrainingOptions _options;
    private readonly Dictionary<string, string> _settings;
    private readonly CheckpointFolder _folder;
    private long _lastWritten = Stopwatch.GetTimestamp();

    /// <param name="folder">Path of the folder.</param>
    /// <param name="options">How often, and who is told.</param>
    /// <param name="settings">What the training's bits depend on.</param>
    public CheckpointedTraining(string folder, TrainingOptions options, Dictionary<string, string> settings)
    {
        _options = options;
        _settings = new Dictionary<string, string>(settings);
        _folder = new CheckpointFolder(folder, Warn);
    }

    /// <summary>Whether one is to be written after the step just taken.</summary>
    public bool IsDueWithinEpoch => _options.CheckpointEvery.IsDueWithin(Stopwatch.GetElapsedTime(_lastWritten));

    /// <summary>Whether one is to be written after the <paramref name="epoch"/>-th epoch of this training.</summary>
    public bool IsDueAfterEpoch(int epoch) => _options.CheckpointEvery.IsDueAfter(epoch, Stopwatch.GetElapsedTime(_lastWritten));

    /// <summary>Adds to what the training's bits depend on, before it resumes, what is only known when the training is set up.</summary>
    public void AddSetting(string name, int value) => _settings.Add(name, value.ToString(CultureInfo.InvariantCulture));

    /// <summary>Brings back the newest checkpoint, where there is one.</summary>
    /// <param name="exchange">Names everything that the training is.</param>
    /// <param name="history">Its reports; replaced.</param>
    /// <param name="findImpossible">What in it can be no moment of the training, in a clause; null for nothing.</param>
    /// <returns>Whether there was one.</returns>
    /// <exception cref="ArgumentException">It is of other options or data.</exception>
    /// <exception cref="InvalidDataException">It does not hold what this training is made of, or a moment that it cannot have.</exception>
    public bool Resume(Action<StateDictionary> exchange, List<EpochReport> history, Func<string?> findImpossible)
    {
        if (_folder.ReadNewest() is not { } newest)
        {
            return false;
        }

        (Checkpoint checkpoint, string path) = newest;
        TrainingSettings.RequireSame(checkpoint.Settings, _settings, path, Warn);
        history.Clear();
        history.AddRange(checkpoint.History);
        if (!checkpoint.State.TryRestore(exchange))
        {
            throw new InvalidDataException($"{path} does not hold what this version of the library remembers of such a training: end it with the version that began it, or give another {nameof(TrainingOptions.CheckpointPath)} to train from the start");
        }

        if (findImpossible() is { } impossible)
        {
            throw new InvalidDataException($"{path} can be no moment of this training: {impossible}. Delete it to go on from the one before it, or give another {nameof(TrainingOptions.CheckpointPath)} to train from the start");
        }

        _options.OnInfo?.Invoke($"the training goes on from {path}, after {Plural.Epochs(history.Count, "whole ")}");
        return true;
    }

    public void Write(Action<StateDictionary> exchange, IReadOnlyList<EpochReport> history)
    {
        _folder.Write(new Checkpoint(_settings, history, StateDictionary.Capture(exchange)));
        _lastWritten = Stopwatch.GetTimestamp();
    }

    public void Dispose() => _folder.Dispose();

    private void Warn(string sentence) => _options.OnWarning?.Invoke(sentence);
}
