using System.Diagnostics;
using Kfac.Layers;
using Kfac.Optimizers;
using Kfac.Parallel;

namespace Kfac.Training;

/// <summary>One training from first to last epoch.</summary>
internal sealed class TrainingRun
{
    /// <summary>More images than these tell nothing new about the mean of a channel.</summary>
    private const int MostImagesMeasured = 10_000;

    private readonly TrainingOptions _options;
    private readonly IImageSource _training;
    private readonly IImageSource? _validation;
    private readonly InputScaling _scaling;
    private readonly Network _network;
    private readonly Optimizer _optimizer;
    private readonly Random _shuffle;
    private readonly int[] _order;
    private readonly int[] _labels;
    private readonly float[] _pixels;
    private readonly float[] _classFactors;
    private readonly Stopwatch _clock = new();
    private readonly List<EpochReport> _history = [];

    public TrainingRun(TrainingOptions options, NetworkSpec spec, IImageSource training, IImageSource? validation, Workers workers)
    {
        _options = options;
        _training = training;
        _validation = validation;
        _scaling = MeasureScaling(training);
        _network = new Network(spec, options.BatchSize, workers, trains: true);
        _network.Initialize(new Random(options.Seed));
        _optimizer = options.Optimizer.Create(_network, options.Seed);
        _optimizer.Loss.Smoothing = options.LabelSmoothing;
        _classFactors = MeasureClasses(options, training);
        _shuffle = new Random(options.Seed);
        _order = [.. Enumerable.Range(0, training.Count)];
        _labels = new int[options.BatchSize];
        _pixels = new float[spec.Input.Size];
    }

    public ImageClassifier Execute(CancellationToken cancellation)
    {
        EpochReport? best = null;
        float[]? bestValues = null;
        for (int epoch = 1; epoch <= _options.Epochs; epoch++)
        {
            EpochReport report = TrainEpoch(epoch, cancellation);
            _history.Add(report);
            _options.OnEpoch?.Invoke(report);
            if (_options.EarlyStopping is not { } stopping)
            {
                continue;
            }

            if (best is null || stopping.IsBetter(report, best))
            {
                best = report;
                bestValues = _network.Store.Values.Span.ToArray();
            }
            else if (epoch - best.Epoch >= stopping.Patience)
            {
                break;
            }
        }

        _optimizer.RestoreUnlessFinite();
        ParameterStore parameters = _network.Store.CopyValues();
        bestValues?.CopyTo(parameters.Values.Span);
        return new ImageClassifier(_network.Spec, parameters, _scaling, _history);
    }

    private EpochReport TrainEpoch(int epoch, CancellationToken cancellation)
    {
        _shuffle.Shuffle(_order);
        double secondsBefore = _clock.Elapsed.TotalSeconds, lossSum = 0, rate = 0;
        int correct = 0, seen = 0, batches = (_order.Length + _options.BatchSize - 1) / _options.BatchSize;
        _clock.Start();
        for (int batch = 0; batch < batches; batch++)
        {
            cancellation.ThrowIfCancellationRequested();
            int first = (int)((long)batch * _order.Length / batches), end = (int)((long)(batch + 1) * _order.Length / batches);
            ReadOnlySpan<int> labels = Load(_training, _order.AsSpan(first, end - first));
            double factor = ScheduleFactor(epoch - 1 + (double)batch / batches, 1.0 / batches);
            rate = factor * _options.Optimizer.LearningRate;
            StepReport step = _optimizer.Step(labels, factor);
            foreach (string remark in step.Remarks)
            {
                _options.OnWarning?.Invoke($"epoch {epoch}, batch {batch + 1}: {remark}");
            }

            if (step.Rescue is { } rescue)
            {
                _options.OnWarning?.Invoke($"epoch {epoch}, batch {batch + 1}: {rescue}");
                continue;
            }

            lossSum += step.LossSum;
            correct += step.Correct;
            seen += labels.Length;
            _options.OnBatch?.Invoke(new BatchReport(epoch, batch + 1, batches, step.LossSum / labels.Length, (double)step.Correct / labels.Length, rate));
        }

        _clock.Stop();
        double seconds = _clock.Elapsed.TotalSeconds;
        (double? validationLoss, double? validationAccuracy) = Evaluate(_validation, cancellation);
        return new EpochReport(
            epoch, _options.Epochs, lossSum / seen, (double)correct / seen, validationLoss, validationAccuracy,
            seconds, _order.Length / (seconds - secondsBefore), rate, _optimizer.Rescues, _optimizer.CurvatureRescues);
    }

    /// <summary>The schedule's factor in the middle of a step that begins after <paramref name="epochs"/> epochs.</summary>
    /// <exception cref="ArgumentException">The factor is negative or not finite.</exception>
    private double ScheduleFactor(double epochs, double step)
    {
        double factor = _options.Schedule.Factor((epochs + step / 2) / _options.Epochs, epochs);
        return factor >= 0 && double.IsFinite(factor)
            ? factor
            : throw new ArgumentException($"Schedule must give a factor of 0 or more, but {_options.Schedule} gives {factor} after {epochs:F2} epochs", nameof(TrainingOptions.Schedule));
    }

    private ReadOnlySpan<int> Load(IImageSource source, ReadOnlySpan<int> indices)
    {
        for (int n = 0; n < indices.Length; n++)
        {
            source.ReadImage(indices[n], _pixels);
            _scaling.Write(_pixels, _network.Input, n);
            _labels[n] = source.GetLabel(indices[n]);
            _optimizer.Loss.Weights[n] = source.GetWeight(indices[n]) * _classFactors[_labels[n]];
        }

        return _labels.AsSpan(0, indices.Length);
    }

    private (double? Loss, double? Accuracy) Evaluate(IImageSource? source, CancellationToken cancellation)
    {
        if (source is null)
        {
            return (null, null);
        }

        double loss = 0;
        int correct = 0;
        int[] indices = [.. Enumerable.Range(0, source.Count)];
        foreach (int[] chunk in indices.Chunk(_options.BatchSize))
        {
            cancellation.ThrowIfCancellationRequested();
            ReadOnlySpan<int> labels = Load(source, chunk);
            _network.Forward(labels.Length);
            (double lossSum, int right) = _optimizer.Loss.ForwardPlain(_network.Logits, labels);
            loss += lossSum;
            correct += right;
        }

        return (loss / source.Count, (double)correct / source.Count);
    }

    private static float[] MeasureClasses(TrainingOptions options, IImageSource source)
    {
        var sums = new double[source.ClassCount];
        for (int n = 0; n < source.Count; n++)
        {
            sums[source.GetLabel(n)] += source.GetWeight(n);
        }

        return ClassFactors.Compute(options, sums, source.Count);
    }

    /// <summary>Mean and deviation of each channel over (at most some thousands of) the training images.</summary>
    private static InputScaling MeasureScaling(IImageSource source)
    {
        int channels = source.Shape.Channels;
        double[] sum = new double[channels], squares = new double[channels];
        var pixels = new float[source.Shape.Size];
        int stride = Math.Max(1, source.Count / MostImagesMeasured), images = 0;
        for (int n = 0; n < source.Count; n += stride, images++)
        {
            source.ReadImage(n, pixels);
            for (int i = 0; i < pixels.Length; i++)
            {
                sum[i % channels] += pixels[i];
                squares[i % channels] += (double)pixels[i] * pixels[i];
            }
        }

        double count = (double)images * source.Shape.Height * source.Shape.Width;
        float[] mean = [.. sum.Select(s => (float)(s / count))];
        float[] factor = [.. squares.Zip(sum, (s2, s) => Math.Sqrt(Math.Max(0, s2 / count - s / count * (s / count)))).Select(d => d > 1e-12 ? (float)(1 / d) : 1f)];
        return new InputScaling(source.Shape, mean, factor);
    }
}
