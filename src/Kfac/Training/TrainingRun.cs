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
    private readonly Communicator _ranks;
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
    private bool _hasStepped;

    public TrainingRun(TrainingOptions options, NetworkSpec spec, ImageSet training, ImageSet? validation, ImageClassifier? previous, Workers workers)
    {
        _options = options;
        _ranks = options.Communicator;
        _history = [.. previous?.History ?? []];
        _epochsBefore = _history.Count > 0 ? _history[^1].Epoch : 0;
        _scaling = previous?.Scaling ?? MeasureScaling(training);
        _classFactors = ClassFactors.Compute(options, training.ClassWeights, training.Count);
        int batchSize = options.BatchSizeFor(training.Count);
        _network = new Network(spec, batchSize, workers, trains: true, ranks: _ranks);
        _network.Initialize(options.Seed);
        if (previous is not null)
        {
            previous.Store.Values.Span.CopyTo(_network.Store.Values.Span);
            _network.Store.MarkChanged();
        }

        RequireSameStart(training.ClassCounts);
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
        _loader = new BatchLoader(_scaling, augmentation, batchSize, _ranks);
        _average = options.ParameterAveragingEpochs > 0 ? new ParameterAverage(_network, options.ParameterAveragingEpochs * _loader.BatchCount(_training)) : null;
        if (previous is not null && previous.OptimizerState?.TryRestore(ExchangeState) != true)
        {
            options.OnWarning?.Invoke("the previous model does not hold what this optimizer remembers: it goes on with its weights alone");
        }
    }

    /// <summary>Whether the training was cancelled, on all ranks at the same step.</summary>
    public bool IsCancelled { get; private set; }

    public ImageClassifier Execute(CancellationToken cancellation)
    {
        try
        {
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
        catch (OperationCanceledException) when (_hasStepped && IsCancelled && _options.OnCancellation == CancellationOutcome.KeepBest)
        {
            _options.OnWarning?.Invoke($"the training was cancelled after {_history.Count} whole epochs: the best model so far is kept");
        }

        _optimizer.RestoreUnlessFinite();
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
            ReadOnlySpan<int> labels = TakeBatch(cancellation);
            double factor = ScheduleFactor(epoch - 1 + (double)batch / batches, 1.0 / batches);
            rate = factor * _optimizer.LearningRate;
            StepReport step = _optimizer.Step(labels, factor);
            _hasStepped = true;
            foreach (string remark in step.Warnings)
            {
                _options.OnWarning?.Invoke($"epoch {number}, batch {batch + 1}: {remark}");
            }

            if (step.Recovery is { } rescue)
            {
                _options.OnWarning?.Invoke($"epoch {number}, batch {batch + 1}: {rescue}");
                continue;
            }

            _average?.Add(_optimizer);
            lossSum += step.LossSum;
            correct += step.Correct;
            seen += labels.Length;
            _options.OnBatch?.Invoke(new BatchReport(number, batch + 1, batches, step.LossSum / labels.Length, (double)step.Correct / labels.Length, rate));
        }

        _clock.Stop();
        (double before, double seconds) = ClockOfRankZero(secondsBefore, _clock.Elapsed.TotalSeconds);
        (double? validationLoss, double? validationAccuracy) = _validation is null ? (null, null) : Evaluate(_validation, cancellation);
        return new EpochReport(
            number, _epochsBefore + _options.Epochs, lossSum / seen, (double)correct / seen, validationLoss, validationAccuracy,
            seconds, _training.Count / (seconds - before), rate, _optimizer.Recoveries, _optimizer.CurvatureRecoveries);
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
    /// <exception cref="OperationCanceledException">Some rank's training was cancelled.</exception>
    private ReadOnlySpan<int> TakeBatch(CancellationToken cancellation)
    {
        LoadedBatch batch = TakeUnlessCancelled(cancellation);
        ExampleRange own = new BatchPartition(batch.Count, _ranks).Own;
        for (int n = own.First; n < own.End; n++)
        {
            _network.Input.Write(n, batch.Image(n));
        }

        for (int n = 0; n < batch.Count; n++)
        {
            _optimizer.Loss.Weights[n] = batch.Weights[n] * _classFactors[batch.Labels[n]];
        }

        return batch.Labels.AsSpan(0, batch.Count);
    }

    /// <summary>All ranks stop at the same batch.</summary>
    private LoadedBatch TakeUnlessCancelled(CancellationToken cancellation)
    {
        LoadedBatch? batch = null;
        try
        {
            cancellation.ThrowIfCancellationRequested();
            batch = _loader.Take();
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            IsCancelled = true;
        }

        IsCancelled = _ranks.Any(IsCancelled);
        return IsCancelled ? throw new OperationCanceledException(cancellation) : batch!;
    }

    /// <summary>Rank 0's two times, so that all ranks have the same report.</summary>
    private (double, double) ClockOfRankZero(double first, double second)
    {
        Span<double> times = [first, second];
        _ranks.Broadcast(times, root: 0);
        return (times[0], times[1]);
    }

    private void RequireSameStart(IReadOnlyList<int> classCounts)
    {
        if (_ranks.Size > 1)
        {
            RankAgreement.Require(
                _ranks,
                ("the network", RankAgreement.Hash<char>(_network.Spec.ToString())),
                ("the number of training images of a class", RankAgreement.Hash<int>([.. classCounts])),
                ("the batch size", (ulong)_network.Capacity),
                ("the number of epochs", (ulong)_options.Epochs),
                ("the optimizer or its settings", RankAgreement.Hash<char>(_options.Optimizer.ToString())),
                ("the seed", (ulong)(uint)_options.Seed),
                ("the initial weights", RankAgreement.Hash<float>(_network.Store.Values.Span)));
        }
    }

    /// <summary>Rank 0 reads the images for it.</summary>
    private InputScaling MeasureScaling(ImageSet images)
    {
        if (_ranks.Size == 1)
        {
            return images.MeasureScaling();
        }

        int channels = images.Shape.Channels;
        var values = new float[2 * channels];
        if (_ranks.Rank == 0)
        {
            InputScaling measured = images.MeasureScaling();
            values = [.. measured.Mean, .. measured.Factor];
        }

        _ranks.Broadcast<float>(values, root: 0);
        return new InputScaling(images.Shape, values[..channels], values[channels..]);
    }

    /// <summary>Mean loss and accuracy with the parameters that the trained model would have at this moment.</summary>
    private (double? Loss, double? Accuracy) Evaluate(ImageSequence images, CancellationToken cancellation)
    {
        double loss = 0;
        int correct = 0;
        _average?.Swap();
        try
        {
            _loader.Begin(images, epoch: 0, augments: false);
            for (int batch = 0; batch < _loader.BatchCount(images); batch++)
            {
                ReadOnlySpan<int> labels = TakeBatch(cancellation);
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

        return (loss / images.Count, (double)correct / images.Count);
    }
}
