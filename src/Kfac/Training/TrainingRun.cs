using System.Diagnostics;
using Kfac.Images;
using Kfac.Memory;
using Kfac.Models;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Parallel;
using Kfac.Running;

namespace Kfac.Training;

/// <summary>One training from first to last epoch.</summary>
internal sealed class TrainingRun : IDisposable
{
    private readonly TrainingOptions _options;
    private readonly TrainingRanks _ranks;
    private readonly ImageSequence _training;
    private readonly ImageSequence? _validation;
    private readonly ImageSet? _calibration;
    private readonly InputScaling _scaling;
    private readonly TrainingRecipe _recipe;
    private readonly BatchFeed _batches;
    private readonly Network _network;
    private readonly Optimizer _optimizer;
    private readonly ParameterAverage? _average;
    private readonly BatchLoader _loader;
    private readonly Evaluation _evaluation;
    private readonly CheckpointedTraining? _checkpoints;
    private readonly TrainingProgress _progress = new();
    private readonly List<EpochReport> _history;

    /// <summary>Epochs that an earlier training has done.</summary>
    private readonly int _epochsBefore;

    /// <summary>Steps of an epoch.</summary>
    private readonly int _steps;
    private float[]? _bestValues;

    /// <summary>Whether network, optimizer and progress are those of one moment, between two steps.</summary>
    private bool _isBetweenSteps = true;

    public TrainingRun(TrainingOptions options, NetworkSpec spec, TrainingData data, ImageClassifier? previous, Workers workers, TrainingRanks ranks, CheckpointedTraining? checkpoints)
    {
        _options = options;
        _ranks = ranks;
        (ImageSet training, _calibration) = (data.Training, data.Calibration);
        _checkpoints = checkpoints;
        _history = [.. previous?.History ?? []];
        _epochsBefore = _history.Count;
        _progress.Seconds = _progress.SecondsBefore = _history.Count == 0 ? 0 : _history[^1].Seconds;
        _scaling = previous?.Scaling ?? ranks.MeasureScaling(training);
        int batchSize = ranks.AgreeOnBatchSize(new StepMemory(options, spec, workers).ChooseBatchSize(training.Count), options.OnWarning);
        checkpoints?.AddSetting("batch size", batchSize);
        _network = new Network(spec, batchSize, workers, trains: true, ranks: ranks.Communicator, frozenLayers: options.CountFrozenLayers(spec));
        _network.Initialize(options.Seed);
        if (previous is null)
        {
            ranks.WhitenPatches(_network, training, _scaling, options.Seed);
            if (options.InitialParameters is { } given)
            {
                InitialParameters.Apply(_network, given);
            }
        }
        else
        {
            previous.Store.Values.Span.CopyTo(_network.Store.Values.Span);
            _network.Store.MarkChanged();
        }

        _optimizer = options.Optimizer.Create(_network, options.Seed);
        _optimizer.Loss.Smoothing = options.LabelSmoothing!.Value;
        if (_optimizer.Curvature is { } curvature)
        {
            options.OnCurvature?.Invoke(curvature);
            options.OnInfo?.Invoke($"curvature: {string.Join("; ", curvature.Blocks.GroupBy(block => block.GetType().Name).Select(blocks => $"{blocks.Key} for {string.Join(", ", blocks.Select(block => block.LayerName))}"))}");
        }

        _training = training.Open(options.Seed);
        _validation = data.Validation?.Open(seed: null);
        AugmentationOptions changes = options.Augmentation!;
        Augmentation? augmentation = changes == AugmentationOptions.None ? null : new Augmentation(changes, spec.Input, _scaling.Mean, options.Seed);
        _recipe = Recipe.Of(options, batchSize);
        options.OnInfo?.Invoke($"recipe: {_recipe}");
        _loader = new BatchLoader(_scaling, augmentation, batchSize, ranks.Communicator);
        _batches = new BatchFeed(_loader, _network, _optimizer.Loss, ClassFactors.Compute(options, training.ClassWeights, training.Count), ranks);
        _evaluation = new Evaluation(_network, _optimizer, _loader, _batches);
        _steps = _loader.BatchCount(_training);
        double averaged = options.ParameterAveragingEpochs * _steps;
        _average = averaged > 1 ? new ParameterAverage(_network, averaged) : null;
        // One of the two trainings may have no average of the parameters: its epochs have too few steps.
        bool remembers = previous?.OptimizerState is { } memory && (memory.TryRestore(CaptureOrRestoreOptimizer) || memory.TryRestore(state =>
        {
            _optimizer.CaptureOrRestore(state);
            ParameterAverage.PassOver(state);
        }));
        ranks.RequireSameStart(options, training, data.Validation, _network, remembers);
        if (previous is { History.Count: > 0 } && !remembers)
        {
            // What counts passes, such as a running statistic, goes on all the same.
            _network.TrainingPasses = (long)_epochsBefore * _steps;
            options.OnWarning?.Invoke("the previous model does not hold what this optimizer remembers: it goes on with its weights alone");
        }
    }

    public ImageClassifier Execute(CancellationToken cancellation)
    {
        _ranks.ShareMoment(_checkpoints is not null && Resume(_checkpoints), CaptureOrRestore, _history);
        try
        {
            // Ranks that wait for each other in the middle of a step must not leave it.
            _network.Workers.Cancellation = _ranks.IsSolo ? cancellation : default;
            while (!_progress.HasEnded)
            {
                TrainEpoch(cancellation);
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested || _ranks.IsCancelled)
        {
            WriteCheckpoint();
            if (!_progress.HasStepped || _options.OnCancellation != CancellationOutcome.KeepBest)
            {
                throw;
            }

            _options.OnWarning?.Invoke(_history.Count == _epochsBefore
                ? "the training was cancelled within its first epoch: the model is that of the last step"
                : $"the training was cancelled after {Plural.Epochs(_history.Count, "whole ")}: the best model so far is kept");
        }
        finally
        {
            _network.Workers.Cancellation = default;
        }

        if (Overfitting.Find(_history.Skip(_epochsBefore)) is { } warning)
        {
            _options.OnWarning?.Invoke(warning);
        }

        TakeBackRuinousStep();
        // What the optimizer remembers goes with the last parameters, not with an earlier best epoch's.
        StateDictionary? state = _progress.BestEpoch == 0 || (_progress.BestEpoch == _history.Count && _progress.Steps == 0) ? StateDictionary.Capture(CaptureOrRestoreOptimizer) : null;
        SwapInModel();
        if (!_progress.HasEnded)
        {
            _evaluation.RequireRange();
        }

        ParameterStore parameters = ParameterLayout.Of(_network.Spec);
        _network.Store.Values.Span.CopyTo(parameters.Values.Span);
        var model = new ImageClassifier(_network.Spec, parameters, _scaling, _history) { Recipe = _recipe, Views = new AveragedViews(_options.AverageMirrored!.Value, _options.AverageShifted), OptimizerState = state };
        return _calibration is null || _ranks.Communicator.Any(cancellation.IsCancellationRequested) ? model : TemperatureScaling.Calibrate(model, _calibration, _options, _ranks, _network.Workers.Count, cancellation);
    }

    public void Dispose()
    {
        _loader.Dispose();
        _training.Dispose();
        _validation?.Dispose();
    }

    private void CaptureOrRestoreOptimizer(StateDictionary state)
    {
        _optimizer.CaptureOrRestore(state);
        _average?.CaptureOrRestore(state);
    }

    private void CaptureOrRestore(StateDictionary state)
    {
        CaptureOrRestoreOptimizer(state);
        _progress.CaptureOrRestore(state);
        if (_progress.BestEpoch > 0)
        {
            state.CaptureOrRestore<float>("bestValues", _bestValues ??= new float[_network.Store.Length]);
        }
    }

    private bool Resume(CheckpointedTraining checkpoints)
    {
        var moments = new PossibleMoments(_options, [.. _history], _training.Count, _steps, _validation is not null, Counts());
        return checkpoints.Resume(CaptureOrRestore, _history, () => moments.FindImpossible(_progress, _history, Counts()));

        OptimizerCounts Counts() => new(_optimizer.Recoveries, _optimizer.CurvatureRecoveries, _network.TrainingPasses);
    }

    private void WriteCheckpoint()
    {
        if (_isBetweenSteps)
        {
            _checkpoints?.Write(CaptureOrRestore, _history);
        }
    }

    /// <summary>Keeps the parameters of an epoch that is the best so far.</summary>
    private void KeepBest(EpochReport report, EarlyStopping stopping)
    {
        if (_progress.BestEpoch == 0 || stopping.IsBetter(report, _history[_progress.BestEpoch - 1]))
        {
            _progress.BestEpoch = report.Epoch;
            _bestValues ??= new float[_network.Store.Length];
            _average?.Swap();
            _network.Store.Values.Span.CopyTo(_bestValues);
            _average?.Swap();
        }
    }

    /// <summary>The epoch at work, from the step it has come to.</summary>
    private void TrainEpoch(CancellationToken cancellation)
    {
        int epoch = _epochsBefore + _progress.Epochs + 1;
        if (_progress.Steps < _steps)
        {
            _loader.Begin(_training, epoch - 1, augments: true, _progress.Steps);
        }

        while (_progress.Steps < _steps)
        {
            TakeStep(epoch, cancellation);
            if (_progress.Steps < _steps && _checkpoints?.IsDueWithinEpoch == true)
            {
                WriteCheckpoint();
            }
        }

        TakeBackRuinousStep();
        _ranks.ShareClock(_progress);
        (double? validationLoss, double? validationAccuracy) = _validation is null ? (null, null) : Validate(_validation, cancellation);
        var report = new EpochReport(
            epoch, _epochsBefore + _options.Epochs, _progress.LossSum / _progress.Seen, (double)_progress.Correct / _progress.Seen, validationLoss, validationAccuracy,
            _progress.Seconds, _training.Count / (_progress.Seconds - _progress.SecondsBefore), _progress.LearningRate, _optimizer.Recoveries, _optimizer.CurvatureRecoveries);
        _history.Add(report);
        _progress.EndEpoch();
        _progress.HasEnded = _progress.Epochs == _options.Epochs;
        if (_options.EarlyStopping is { } stopping)
        {
            KeepBest(report, stopping);
            _progress.HasEnded |= stopping.IsEnough(report, _progress.BestEpoch);
        }

        _options.OnEpoch?.Invoke(report);
        if (_progress.HasEnded)
        {
            SwapInModel();
            _evaluation.RequireRange();
            SwapInModel();
        }

        if (_checkpoints?.IsDueAfterEpoch(_progress.Epochs) == true || _progress.HasEnded)
        {
            WriteCheckpoint();
        }
    }

    private void TakeStep(int epoch, CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        ReadOnlySpan<int> labels = _batches.Take(cancellation);
        double factor = _options.Schedule.FactorOfStep(_progress.Epochs + (double)_progress.Steps / _steps, 1.0 / _steps, _options.Epochs, _epochsBefore);
        _isBetweenSteps = false;
        StepReport step = TakeStep(labels, factor, epoch);
        _progress.Steps++;
        _progress.LearningRate = factor * _optimizer.Caution * _optimizer.LearningRate;
        _average?.Add(_optimizer);
        _progress.LossSum += step.LossSum;
        _progress.Correct += step.Correct;
        _progress.Seen += labels.Length;
        _progress.Seconds += Stopwatch.GetElapsedTime(start).TotalSeconds;
        _isBetweenSteps = true;
        _options.OnBatch?.Invoke(new BatchReport(epoch, _progress.Steps, _steps, step.LossSum / labels.Length, (double)step.Correct / labels.Length, _progress.LearningRate) { Epochs = _epochsBefore + _options.Epochs });
    }

    /// <summary>One step. If it is refused, the more careful optimizer takes it again from the last good parameters: a report covers every image.</summary>
    private StepReport TakeStep(ReadOnlySpan<int> labels, double factor, int epoch)
    {
        while (true)
        {
            StepReport step = _optimizer.Step(labels, factor);
            foreach (string warning in step.Recovery is { } recovery ? [.. step.Warnings, recovery] : step.Warnings)
            {
                _options.OnWarning?.Invoke($"epoch {epoch}, batch {_progress.Steps + 1}: {warning}");
            }

            if (step.Recovery is null)
            {
                return step;
            }
        }
    }

    /// <summary>Looks at the last batch once more. Nobody has seen the loss of the last step's parameters, which are to be the model.</summary>
    private void TakeBackRuinousStep()
    {
        if (_batches.Last is { } batch && _optimizer.TakeBackRuinousStep(batch.Labels.AsSpan(0, batch.Count)) is { } recovery)
        {
            _options.OnWarning?.Invoke(recovery);
        }

        _batches.Forget();
    }

    /// <summary>Mean loss and accuracy with the parameters that the trained model would have at this moment.</summary>
    private (double? Loss, double? Accuracy) Validate(ImageSequence images, CancellationToken cancellation)
    {
        _average?.Swap();
        try
        {
            return _evaluation.Measure(images, "the validation images", cancellation);
        }
        finally
        {
            _average?.Swap();
            _batches.Forget();
        }
    }

    /// <summary>Exchanges the network's parameters for those of the trained model: the average, or the best epoch's. A second call puts them back.</summary>
    private void SwapInModel()
    {
        if (_bestValues is null)
        {
            _average?.Swap();
            return;
        }

        Span<float> values = _network.Store.Values.Span;
        float[] kept = values.ToArray();
        _bestValues.CopyTo(values);
        _bestValues = kept;
        _network.Store.MarkChanged();
    }
}
