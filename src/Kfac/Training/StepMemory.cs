using System.Globalization;
using Kfac.Networks;
using Kfac.Parallel;
using Kfac.Running;

namespace Kfac.Training;

/// <summary>What a training takes of memory, known before its first step, and the batch that fits.</summary>
internal sealed class StepMemory(TrainingOptions options, NetworkSpec spec, Workers workers)
{
    /// <summary>What a batch whose size is left to the trainer may take where nothing else is said.</summary>
    private const long UsualBytes = 3L << 30;

    /// <summary>Fewer images tell a batch normalisation too little of mean and variance.</summary>
    private const int MinBatchNormBatch = 16;

    private long AvailableBytes => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4 * 3 / options.Communicator.RanksOnThisMachine;

    private long Budget => options.TrainingMemory ?? (options.BatchSize > 0 ? AvailableBytes : Math.Min(UsualBytes, AvailableBytes));

    /// <summary>Images in a step of a training on <paramref name="images"/> images.</summary>
    /// <exception cref="ArgumentException">No batch that may be taken fits; the message says what it needs, and what would help.</exception>
    public int ChooseBatchSize(int images)
    {
        int wanted = options.BatchSizeFor(images);
        long? needed = Measure(wanted);
        if (needed <= Budget)
        {
            return wanted;
        }

        int fitting = FindFitting(wanted);
        string need = $"a step of {wanted} images of {spec.Input} takes {Text(needed)}, and {nameof(TrainingOptions.TrainingMemory)} allows {Text(Budget)}";
        if (options.BatchSize == 0 && fitting >= Math.Min(wanted, LayerSequence.Flatten(spec.Layers).Any(layer => layer is BatchNormSpec) ? MinBatchNormBatch : 1))
        {
            options.OnWarning?.Invoke($"{need}: steps of at most {fitting} are taken");
            return fitting;
        }

        string help = fitting == 0 ? $"one image takes {Text(Measure(1))}; make the images smaller, begin the network with strides or pooling"
            : options.BatchSize == 0 ? $"{fitting} images would fit, but batch normalisation needs {Math.Min(wanted, MinBatchNormBatch)}; take GroupNorm in its place, make the images smaller"
            : $"set {nameof(TrainingOptions.BatchSize)} to {fitting} or less, make the images smaller";
        throw new ArgumentException($"{need}: {help}, or allow more {nameof(TrainingOptions.TrainingMemory)}", nameof(TrainingOptions.TrainingMemory));
    }

    /// <summary>Most images that fit, at most <paramref name="wanted"/>; 0 where one is too many.</summary>
    private int FindFitting(int wanted)
    {
        (int fitting, int tooMany) = (0, wanted);
        while (tooMany - fitting > 1)
        {
            int middle = fitting + (tooMany - fitting) / 2;
            (fitting, tooMany) = Measure(middle) <= Budget ? (middle, tooMany) : (fitting, middle);
        }

        return fitting;
    }

    /// <summary>Bytes of network, optimizer, running averages and the batches that are read ahead; null where an array would have to hold more than it can.</summary>
    private long? Measure(int batchSize)
    {
        try
        {
            return MemoryMeter.Measure(() =>
            {
                var network = new Network(spec, batchSize, workers, trains: true, frozenLayers: options.CountFrozenLayers(spec));
                _ = (network.Store.Values, network.Store.Gradients, network.Store.SquaredGradients);
                _ = options.Optimizer.Create(network, options.Seed);
                _ = new AlignedBuffer(network.Store.Length);
            }) + Images.BatchLoader.BytesFor(spec.Input, batchSize);
        }
        catch (OverflowException)
        {
            return null;
        }
    }

    private static string Text(long? bytes) => bytes switch
    {
        null => "more than arrays can hold",
        < 1_000_000_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:F1} MB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:F1} GB"),
    };
}
