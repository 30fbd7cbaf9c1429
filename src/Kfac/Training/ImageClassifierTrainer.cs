using Kfac.Layers;
using Kfac.Optimizers;
using Kfac.Parallel;

namespace Kfac.Training;

/// <summary>Trains a network on labelled images.</summary>
public sealed class ImageClassifierTrainer
{
    private readonly TrainingOptions _options;

    /// <exception cref="ArgumentException">An option is out of its range; the message names it.</exception>
    public ImageClassifierTrainer(TrainingOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _options = options;
    }

    /// <summary>Trains on <paramref name="training"/> and reports how <paramref name="validation"/> fares after each epoch.</summary>
    /// <param name="training">At least one image.</param>
    /// <param name="validation">Images of the same shape and classes, never trained on; null for none.</param>
    /// <param name="cancellation">Ends the training after the current step.</param>
    /// <exception cref="ArgumentException">There is no image, or shapes, classes and network do not go together.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellation"/> was cancelled.</exception>
    /// <exception cref="TrainingDivergedException">The loss kept being not finite in spite of every remedy.</exception>
    public ImageClassifier Fit(IImageSource training, IImageSource? validation = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(training);
        NetworkSpec spec = _options.Network ?? NetworkSpec.SmallCnn(training.Shape, training.ClassCount);
        RequireFit(spec, training, nameof(training));
        if (validation is not null)
        {
            RequireFit(spec, validation, nameof(validation));
        }
        else if (_options.EarlyStopping is not null)
        {
            throw new ArgumentException("EarlyStopping watches validation images, but there are none", nameof(validation));
        }

        using var workers = new Workers(_options.Threads == 0 ? Environment.ProcessorCount : _options.Threads);
        var run = new TrainingRun(_options, spec, training, validation, workers);
        return run.Execute(cancellation);
    }

    internal static void RequireFit(NetworkSpec spec, IImageSource source, string name)
    {
        if (source.Count == 0)
        {
            throw new ArgumentException("there are no images", name);
        }

        if (spec.Input != source.Shape || spec.Output != ImageShape.Flat(source.ClassCount))
        {
            throw new ArgumentException($"the network takes images of {spec.Input} and gives {spec.Output} outputs, but the images are {source.Shape} in {source.ClassCount} classes", name);
        }
    }
}
