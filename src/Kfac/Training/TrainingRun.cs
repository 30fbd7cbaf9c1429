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
    private readonly ImageSequence _training;
    private readonly ImageSequence? _validation;
    private readonly InputScaling _scaling;
    private readonly float[] _classFactors;
    private readonly Network _network;
    private readonly Optimizer _optimizer;
    private readonly ParameterAverage? _average;
    private readonly BatchLoader _loader;
    private readonly Stopwatch _clock = new();
    private readonly List<EpochReport> _history;

    /// <summary>Epochs that an earlier training has done.</summary>
    private readonly int _epochsBefore;
    private EpochReport? _best;
    private float[]? _bestValues;
    private LoadedBatch? _batch;
    private bool _hasStepped;

    public TrainingRun(TrainingOptions options, NetworkSpec spec, ImageSet training, ImageSet? validation, ImageClassifier? previous, Workers workers)
    {
        _options = options;
        _history = [.. previous?.History ?? []];
        _epochsBefore = _history.Count > 0 ? _history[^1].Epoch : 0;
        _scaling = previous?.Scaling ?? training.MeasureScaling();
        _classFactors = ClassFactors.Compute(options, training.ClassWeights, training.Count);
        int batchSize = new StepMemory(options, spec, workers).ChooseBatchSize(training.Count);
        _network = new Network(spec, batchSize, workers, trains: true);
        _network.Initialize(options.Seed);
        if (previous is not null)
        {
            previous.Store.Values.Span.CopyTo(_network.Store.Values.Span);
            _network.Store.MarkChanged();
        }

        _optimizer = options.Optimizer.Create(_network, options.Seed);
        _optimizer.Loss.Smoothing = options.LabelSmoothing;
        if (_optimizer.Curvature is { } curvature)
        {
            options.OnCurvature?.Invoke(curvature);
            options.OnInfo?.Invoke($"curvature: {string.Join("; ", curvature.Blocks.GroupBy(block => block.GetType().Name).Select(blocks => $"{blocks.Key} for {string.Join(", ", blocks.Select(block => block.LayerName))}"))}");
        }

        _training = training.Open(options.Seed);
        _validation = validation?.Open(seed: null);
        AugmentationOptions changes = options.Augmentation ?? AugmentationOptions.For(spec.Input);
        Augmentation? augmentation = changes == AugmentationOptions.None ? null : new Augmentation(changes, spec.Input, _scaling.Mean, options.Seed);
        options.OnInfo?.Invoke($"augmentation: {changes}");
        _loader = new BatchLoader(_scaling, augmentation, batchSize);
        _average = options.ParameterAveragingEpochs > 0 ? new ParameterAverage(_network, options.ParameterAveragingEpochs * _loader.BatchCount(_training)) : null;
        if (previous is not null && previous.OptimizerState?.TryRestore(ExchangeState) != true)
        {
            options.OnWarning?.Invoke("the previous model does not hold what this optimizer remembers: it goes on with its weights alone");
        }
    }

    public ImageClassifier Execute(CancellationToken cancellation)
    {
        try
        {
            _network.Workers.Cancellation = cancellation;
            for (int epoch = 1; epoch <= _options.Epochs; epoch++)
            {
                EpochReport report = TrainEpoch(epoch, cancellation);
                _history.Add(report);
                _options.OnEpoch?.Invoke(report);
                if (_options.EarlyStopping is { } stopping && IsEnough(report, stopping))
                {
                    break;
                }
            }
        }
        catch (OperationCanceledException) when (_hasStepped && cancellation.IsCancellationRequested && _options.OnCancellation == CancellationOutcome.KeepBest)
        {
            _options.OnWarning?.Invoke($"the training was cancelled after {_history.Count} whole epochs: the best model so far is kept");
        }
        finally
        {
            _network.Workers.Cancellation = default;
        }

        TakeBackRuinousStep();
        StateDictionary state = StateDictionary.Capture(ExchangeState);
        _average?.Swap();
        ParameterStore parameters = _network.Store.CopyValues();
        _bestValues?.CopyTo(parameters.Values.Span);
        return new ImageClassifier(_network.Spec, parameters, _scaling, _history) { OptimizerState = state };
    }

    private void ExchangeState(StateDictionary state)
    {
        _optimizer.CaptureOrRestore(state);
        _average?.ExchangeState(state);
    }

    public void Dispose()
    {
        _loader.Dispose();
        _training.Dispose();
        _validation?.Dispose();
    }

    /// <summary>Keeps the parameters of the best epoch.</summary>
    /// <returns>Whether there has been none for so long that the training ends.</returns>
    private bool IsEnough(EpochReport report, EarlyStopping stopping)
    {
        if (_best is null || stopping.IsBetter(report, _best))
        {
            _best = report;
            _bestValues ??= new float[_network.Store.Length];
            _average?.Swap();
            _network.Store.Values.Span.CopyTo(_bestValues);
            _average?.Swap();
            return false;
        }

        return report.Epoch - _best.Epoch >= stopping.Patience;
    }

    /// <param name="epoch">1 for the first of this training.</param>
    /// <param name="cancellation">Ends it after the current step.</param>
    private EpochReport TrainEpoch(int epoch, CancellationToken cancellation)
    {
        int number = _epochsBefore + epoch, correct = 0, seen = 0, batches = _loader.BatchCount(_training);
        double secondsBefore = _clock.Elapsed.TotalSeconds, lossSum = 0, rate = 0;
        _clock.Start();
        _loader.Begin(_training, number - 1, augments: true);
        for (int batch = 0; batch < batches; batch++)
        {
            cancellation.ThrowIfCancellationRequested();
            ReadOnlySpan<int> labels = TakeBatch();
            double factor = ScheduleFactor(epoch - 1 + (double)batch / batches, 1.0 / batches);
            rate = factor * _optimizer.LearningRate;
            StepReport step = TakeStep(labels, factor, number, batch);
            _hasStepped = true;
            _average?.Add(_optimizer);
            lossSum += step.LossSum;
            correct += step.Correct;
            seen += labels.Length;
            _options.OnBatch?.Invoke(new BatchReport(number, batch + 1, batches, step.LossSum / labels.Length, (double)step.Correct / labels.Length, rate));
        }

        _clock.Stop();
        double seconds = _clock.Elapsed.TotalSeconds;
        (double? validationLoss, double? validationAccuracy) = _validation is null ? (null, null) : Validate(_validation, cancellation);
        return new EpochReport(
            number, _epochsBefore + _options.Epochs, lossSum / seen, (double)correct / seen, validationLoss, validationAccuracy,
            seconds, _training.Count / (seconds - secondsBefore), rate, _optimizer.Recoveries, _optimizer.CurvatureRecoveries);
    }

    /// <summary>One step. If it is refused, the more careful optimizer takes it again from the last good parameters: a report covers every image.</summary>
    private StepReport TakeStep(ReadOnlySpan<int> labels, double factor, int epoch, int batch)
    {
        while (true)
        {
            StepReport step = _optimizer.Step(labels, factor);
            foreach (string warning in step.Warnings)
            {
                _options.OnWarning?.Invoke($"epoch {epoch}, batch {batch + 1}: {warning}");
            }

            if (step.Recovery is not { } recovery)
            {
                return step;
            }

            _options.OnWarning?.Invoke($"epoch {epoch}, batch {batch + 1}: {recovery}");
        }
    }

    /// <summary>Looks at the last batch once more. Nobody has seen the loss of the last step's parameters, which are to be the model.</summary>
    private void TakeBackRuinousStep()
    {
        if (_optimizer.TakeBackRuinousStep(_batch!.Labels.AsSpan(0, _batch.Count)) is { } recovery)
        {
            _options.OnWarning?.Invoke(recovery);
        }
    }

    /// <summary>The schedule's factor in the middle of a step that begins after <paramref name="epochs"/> epochs of this training.</summary>
    /// <exception cref="ArgumentException">The factor is negative or not finite.</exception>
    private double ScheduleFactor(double epochs, double step)
    {
        double factor = _options.Schedule.Factor((epochs + step / 2) / _options.Epochs, _epochsBefore + epochs);
        return factor >= 0 && double.IsFinite(factor)
            ? factor
            : throw new ArgumentException($"Schedule must give a factor of 0 or more, but {_options.Schedule} gives {factor} after {_epochsBefore + epochs:F2} epochs", nameof(TrainingOptions.Schedule));
    }

    /// <summary>Puts the loader's next batch before the network and its weights before the loss.</summary>
    /// <returns>Its classes.</returns>
    private ReadOnlySpan<int> TakeBatch()
    {
        LoadedBatch batch = _batch = _loader.Take();
        for (int n = 0; n < batch.Count; n++)
        {
            _network.Input.Write(n, batch.Image(n));
            _optimizer.Loss.Weights[n] = batch.Weights[n] * _classFactors[batch.Labels[n]];
        }

        return batch.Labels.AsSpan(0, batch.Count);
    }

    /// <summary>Mean loss and accuracy with the parameters that the trained model would have at this moment.</summary>
    /// <returns>A loss of infinity where there is none, because a score is not finite.</returns>
    private (double? Loss, double? Accuracy) Validate(ImageSequence images, CancellationToken cancellation)
    {
        double loss = 0;
        int correct = 0;
        TakeBackRuinousStep();
        _average?.Swap();
        try
        {
            _loader.Begin(images, epoch: 0, augments: false);
            for (int batch = 0; batch < _loader.BatchCount(images); batch++)
            {
                cancellation.ThrowIfCancellationRequested();
                ReadOnlySpan<int> labels = TakeBatch();
                _network.Forward(labels.Length);
                (double lossSum, int right) = _optimizer.Loss.ForwardPlain(_network.Logits, labels);
                loss += lossSum;
                correct += right;
            }
        }
        finally
        {
            _average?.Swap();
        }

        return (double.IsNaN(loss) ? double.PositiveInfinity : loss / images.Count, (double)correct / images.Count);
    }
}
