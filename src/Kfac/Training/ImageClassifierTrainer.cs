using Kfac.Images;
using Kfac.Models;
using Kfac.Networks;
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
        _options = options.Communicator.Rank == 0 ? options : options with { OnEpoch = null, OnBatch = null, OnCurvature = null, OnInfo = null, OnWarning = null };
    }

    /// <summary>Trains on <paramref name="training"/> and reports how <paramref name="validation"/> fares after each epoch.</summary>
    /// <param name="training">At least one image. They are read by a thread other than the calling one, one at a time.</param>
    /// <param name="validation">Images of the same shape and classes, never trained on; null for none.</param>
    /// <param name="cancellation">Ends the training within half a second, in the middle of a step if need be, as <see cref="TrainingOptions.OnCancellation"/> says; ranks that train together all end it after the step at work.</param>
    /// <exception cref="ArgumentException">There is no image, shapes, classes and network do not go together, a layer is named that the network lacks, <see cref="TrainingOptions.TrainingMemory"/> is too little, or the checkpoint is of other data or options.</exception>
    /// <exception cref="InvalidOperationException">A stream gave other images in a later pass than in the first.</exception>
    /// <exception cref="InvalidDataException">No checkpoint in <see cref="TrainingOptions.CheckpointPath"/> is undamaged, or the newest one is of another version.</exception>
    /// <exception cref="IOException"><see cref="TrainingOptions.CheckpointPath"/> is no folder, or another training uses it.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellation"/> was cancelled, on this rank or another.</exception>
    /// <exception cref="NotSupportedException">A Fisher block that the optimizer's settings ask for cannot serve its layer; the message names both.</exception>
    /// <exception cref="CommunicatorException">Another rank failed or could not be reached, or was given something else to train.</exception>
    /// <exception cref="TrainingDivergedException">The loss kept being not finite in spite of every remedy.</exception>
    public ImageClassifier Fit(IImageSource training, IImageSource? validation = null, CancellationToken cancellation = default) =>
        Fit(ImageSet.Of(training), validation is null ? null : ImageSet.Of(validation), previous: null, cancellation);

    /// <summary>The same for images wherever they are, and for a model that was trained before.</summary>
    /// <param name="training">At least one image.</param>
    /// <param name="validation">Images of the same shape and classes, never trained on; null for none.</param>
    /// <param name="previous">
    /// What to go on from: its network and scaling, its weights, the number of its epochs and, unless it was loaded from a
    /// file without it or trained by another optimizer, what its optimizer remembered (momentum, curvature, steps). Null starts
    /// anew. A schedule's progress starts again at 0, while its epochs count on.
    /// </param>
    /// <param name="cancellation">Ends the training within half a second, in the middle of a step if need be, as <see cref="TrainingOptions.OnCancellation"/> says; ranks that train together all end it after the step at work.</param>
    /// <inheritdoc cref="Fit(IImageSource, IImageSource?, CancellationToken)"/>
    public ImageClassifier Fit(ImageSet training, ImageSet? validation, ImageClassifier? previous, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(training);
        var ranks = new TrainingRanks(_options.Communicator);
        try
        {
            return Fit(training, validation, previous, ranks, cancellation);
        }
        catch (Exception failure) when (failure is not (CommunicatorException or TrainingDivergedException) && !ranks.IsCancelled)
        {
            _options.Communicator.Fail(failure.Message);
            throw;
        }
    }

    private ImageClassifier Fit(ImageSet training, ImageSet? validation, ImageClassifier? previous, TrainingRanks ranks, CancellationToken cancellation)
    {
        if (previous is not null && _options.Network is { } other && !other.Equals(previous.Spec))
        {
            throw new ArgumentException("Network is another than the previous model's; leave it out to go on with that one", nameof(previous));
        }

        if (previous is not null && _options.InitialParameters is not null)
        {
            throw new ArgumentException($"{nameof(TrainingOptions.InitialParameters)} are for a new network, but there is a previous model, which has its own", nameof(previous));
        }

        if (previous is null && _options.FrozenLayers.Value != 0)
        {
            throw new ArgumentException($"{nameof(TrainingOptions.FrozenLayers)} is {_options.FrozenLayers}, but there is no previous model whose weights they could keep", nameof(previous));
        }

        TrainingOptions options = Recipe.Complete(_options, training, validation is not null, previous?.Spec);
        NetworkSpec spec = options.Network!;
        training.RequireFit(spec, nameof(training));
        validation?.RequireFit(spec, nameof(validation));
        TellFrozenLayers(options, spec);
        ImageSet? calibration = _options.CalibrationFraction is null ? validation : null;
        if (options.CalibrationFraction > 0)
        {
            (training, calibration) = SetApart(training, options);
            validation ??= calibration;
        }

        if (validation is null && options.EarlyStopping is not null)
        {
            throw new ArgumentException("EarlyStopping watches validation images, but there are none: give some, or more than one image of a class to set one apart", nameof(validation));
        }

        using CheckpointedTraining? checkpoints = options.CheckpointPath is { } folder && ranks.Communicator.Rank == 0
            ? new CheckpointedTraining(folder, options, TrainingSettings.Describe(options, spec, training, validation, previous))
            : null;

        if (options.Threads > Workers.MaxCount)
        {
            options.OnWarning?.Invoke($"Threads is {options.Threads}, but more than {Workers.MaxCount} are of no use on {Environment.ProcessorCount} processors: {Workers.MaxCount} are taken");
        }

        using var workers = new Workers(options.ThreadsToUse);
        using var run = new TrainingRun(options, spec, new TrainingData(training, validation, calibration), previous, workers, ranks, checkpoints);
        return run.Execute(cancellation);
    }

    private static void TellFrozenLayers(TrainingOptions options, NetworkSpec spec)
    {
        if (options.CountFrozenLayers(spec) is > 0 and int frozen)
        {
            string[] names = [.. spec.Summarize().Where(layer => layer.Parameters > 0).Take(frozen).Select(layer => layer.Name)];
            options.OnInfo?.Invoke($"{frozen} layers keep the previous model's weights: {string.Join(", ", names)}");
        }
    }

    /// <summary>Sets some images apart, if there are classes of two.</summary>
    private static (ImageSet Training, ImageSet? Apart) SetApart(ImageSet training, TrainingOptions options)
    {
        (ImageSet rest, ImageSet apart) = training.Split(options.CalibrationFraction!.Value, options.Seed);
        if (apart.Count == 0)
        {
            return (training, null);
        }

        options.OnInfo?.Invoke($"{apart.Count} of the {training.Count} training images are set apart to calibrate the probabilities");
        return (rest, apart);
    }
}
