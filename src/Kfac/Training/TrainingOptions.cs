using Kfac.Curvature;
using Kfac.Images;
using Kfac.Models;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Parallel;

namespace Kfac.Training;

/// <summary>How a network is trained. Every setting has a default that works on small images.</summary>
public sealed record TrainingOptions
{
    /// <summary>The network; null takes <see cref="NetworkSpec.PhotographCnn"/> for colour images of at least 24 x 24, else <see cref="NetworkSpec.SmallCnn"/>.</summary>
    public NetworkSpec? Network { get; init; }

    /// <summary>
    /// How many layers with parameters (convolutions, dense layers, normalisations), the first ones, keep the previous model's
    /// weights, bit for bit: <c>3</c>, or <c>^1</c> for all but the last. They take no step, no curvature and no backward pass; a
    /// batch normalisation among them goes by its running statistics. Default 0: all are trained.
    /// </summary>
    public Index FrozenLayers { get; init; }

    /// <summary>The optimizer and its settings. Default <see cref="KfacOptions"/>.</summary>
    public OptimizerOptions Optimizer { get; init; } = new KfacOptions();

    /// <summary>Factor on the optimizer's learning rate. Default a short warm-up, then a cosine to a fifth.</summary>
    public LearningRateSchedule Schedule { get; init; } = new WarmUpCosineSchedule();

    /// <summary>
    /// Passes over the training images; 0, the default, takes 10, or of n training images for networks without
    /// convolutions 10·√(5,000 / n) from 10 to 60, and for colour images of at least 24 x 24
    /// 12·√(50,000 / n) from 12 to 80.
    /// </summary>
    public int Epochs { get; init; }

    /// <summary>
    /// Whether colour images of at least 24 x 24 get twice the epochs, where <see cref="Epochs"/> is 0, and
    /// <see cref="AverageShifted"/>: a little more accurate, in twice the training time and three times that of a prediction. Default false.
    /// </summary>
    public bool Thorough { get; init; }

    /// <summary>
    /// Largest number of images in a step; 0, the default, takes 64, or 128 where 20,000 images or more are trained on, at
    /// least 100,000 times in all, or as many as <see cref="TrainingMemory"/> allows. An epoch's images are divided into steps of
    /// nearly equal size, so that no step is much smaller than the others.
    /// </summary>
    public int BatchSize { get; init; }

    /// <summary>
    /// Bytes that network and optimizer may take, positive. What they need is known before the first step: more is refused,
    /// unless <see cref="BatchSize"/> is 0 and a smaller one will do. Null takes 3 GiB for a <see cref="BatchSize"/> of 0, and in any case
    /// no more than three quarters of what the runtime has available. The matrices that Kronecker-factored and full blocks invert, and
    /// the copy for a checkpoint, come on top.
    /// </summary>
    public long? TrainingMemory { get; init; }

    /// <summary>
    /// What parameters begin with in place of random values, such as those of another model's <see cref="ImageClassifier.Parameters"/>: by
    /// <see cref="Memory.Parameter.Name"/>, row-major in <see cref="Memory.Parameter.Shape"/>, all values finite. Those that are not named
    /// begin as usual. <c>Fit</c> throws an <see cref="ArgumentException"/> for others, and with a previous model. Null, the default, names none.
    /// </summary>
    public IReadOnlyDictionary<string, float[]>? InitialParameters { get; init; }

    /// <summary>
    /// Label smoothing ε, in [0, 1): the loss is the cross-entropy with (1 - ε) onehot(label) + ε / classes (Szegedy et al.
    /// 2016). Validation is reported without it. Null, the default, takes 0.1 for colour images of at least 24 x 24, 0.2 in
    /// up to 24 epochs of them, else 0.
    /// </summary>
    public float? LabelSmoothing { get; init; }

    /// <summary>
    /// Share of each class's training images, in [0, 1), that is set apart to calibrate the model's probabilities
    /// (<see cref="ImageClassifier.Temperature"/>) and, where there are no validation images, to be reported on. 0 does not calibrate.
    /// Null, the default, calibrates by the validation images, or else sets apart 0.1, at most 1,000 images, of 500 colour
    /// images of at least 24 x 24 and more.
    /// </summary>
    public double? CalibrationFraction { get; init; }

    /// <summary>
    /// Whether the model is to average each image's class scores with those of its mirror image, at twice the time of a
    /// prediction. Null, the default, does so where <see cref="Augmentation"/> mirrors images.
    /// </summary>
    public bool? AverageMirrored { get; init; }

    /// <summary>
    /// Whether the model is to average each image's class scores with those of the image moved by a 32nd of its shorter side, up left and
    /// down right, which weigh half, at three times the time of a prediction (multi-crop evaluation, Jordan 2024, arXiv
    /// 2404.00498). Goes with <see cref="AverageMirrored"/>, too: six views. Default false.
    /// </summary>
    public bool AverageShifted { get; init; }

    /// <summary>
    /// Weight of each class's images [classes], finite and 0 or more, on top of the images' own
    /// (<see cref="IImageSource.GetWeight"/>); only ratios matter. Null takes 1 for each.
    /// </summary>
    /// <remarks>
    /// The loss of a batch is the mean of w_n · crossentropy_n, with weights w scaled to a mean of 1 over the training
    /// images. The empirical Fisher is that of the weighted gradients; estimates from the model's own distribution weigh
    /// each example's Fisher by w_n. Validation is reported without weights.
    /// </remarks>
    public IReadOnlyList<float>? ClassWeights { get; init; }

    /// <summary>Whether every class is to weigh the same in the loss, however many images it has, before <see cref="ClassWeights"/>. Default false.</summary>
    public bool BalanceClasses { get; init; }

    /// <summary>Random changes of the training images. Null, the default, takes <see cref="AugmentationOptions.For"/> the images' shape: photographs are shifted and mirrored, in up to 24 epochs by half as much and with reflected borders.</summary>
    public AugmentationOptions? Augmentation { get; init; }

    /// <summary>What a cancelled training comes to. Default <see cref="CancellationOutcome.Throw"/>.</summary>
    public CancellationOutcome OnCancellation { get; init; }

    /// <summary>
    /// Validation and the trained model take the parameters' running average over about so many epochs, 0 or more; 0, or so few that they
    /// are one step or less, takes the last parameters. Default 0.2.
    /// </summary>
    public double ParameterAveragingEpochs { get; init; } = 0.2;

    /// <summary>Ends the training when the validation stops getting better, for which there must be validation or calibration images; null, the default, trains all epochs.</summary>
    public EarlyStopping? EarlyStopping { get; init; }

    /// <summary>Seed of initial weights, order of the images and sampled labels. Default 1.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>
    /// Threads to compute with; 0 takes all processors, or this rank's part of them where other ranks are on the same machine, and
    /// more than 4 for each (or 64) are taken as so many. Results do not depend on it, unless <see cref="TrainingMemory"/> makes the batch smaller: each thread needs some.
    /// </summary>
    public int Threads { get; init; }

    /// <summary>
    /// Called once, before the first step, with the curvature estimate of a K-FAC training. Its blocks are those of the training,
    /// which goes on updating them: read them from <see cref="OnBatch"/>. Other optimizers have none, and do not call it.
    /// </summary>
    public Action<LayerCollection>? OnCurvature { get; init; }

    /// <summary>
    /// Folder of the training's checkpoints, of which the last two are kept; it is made where there is none. A training with the
    /// same data and options goes on from the newest one and ends with the same bits as one that was never interrupted; where it
    /// had ended, the model is there at once. Other data or options are refused. Of ranks that train together, rank 0
    /// alone needs the folder; any number of them goes on from it. Default null: no checkpoints.
    /// </summary>
    public string? CheckpointPath { get; init; }

    /// <summary>How often a checkpoint is written. There is also one at the end, and one when the training is cancelled between two steps. Default after every epoch.</summary>
    public CheckpointInterval CheckpointEvery { get; init; } = CheckpointInterval.Epochs(1);

    /// <summary>
    /// The ranks that train together, each with a share of every batch; all of them call <c>Fit</c> with the same images in the
    /// same order and the same options, and get the same model, that of a single process. Default
    /// <see cref="Communicator.Solo"/>, a process by itself.
    /// </summary>
    public Communicator Communicator { get; init; } = Communicator.Solo;

    /// <summary>Called after each epoch; on rank 0 only, like the others here.</summary>
    public Action<EpochReport>? OnEpoch { get; init; }

    /// <summary>Called after each step.</summary>
    public Action<BatchReport>? OnBatch { get; init; }

    /// <summary>Called with a line for each choice that the options leave open, such as the recipe and the Fisher block of each layer, and for the checkpoint that the training resumes from.</summary>
    public Action<string>? OnInfo { get; init; }

    /// <summary>Called with a sentence for each recovery of the training, and for other things to know.</summary>
    public Action<string>? OnWarning { get; init; }

    /// <summary><see cref="Threads"/>, chosen where it is 0.</summary>
    internal int ThreadsToUse => Threads > 0 ? Math.Min(Threads, Workers.MaxCount) : Math.Max(1, Environment.ProcessorCount / Communicator.RanksOnThisMachine);

    /// <summary>Images in a step of a training on <paramref name="images"/> images, if there is memory for them: small steps where there would be few.</summary>
    internal int BatchSizeFor(int images) =>
        Math.Min(BatchSize > 0 ? BatchSize : images >= 20_000 && (long)images * Epochs >= 100_000 ? 128 : 64, images);

    /// <summary>How many layers keep their weights, of those that <paramref name="spec"/> would train.</summary>
    /// <exception cref="ArgumentException"><see cref="FrozenLayers"/> leaves none to train, or counts back beyond the first.</exception>
    internal int CountFrozenLayers(NetworkSpec spec)
    {
        int layers = spec.CountTrainedLayers(), frozen = FrozenLayers.GetOffset(layers);
        return frozen == 0 || (frozen > 0 && frozen < layers)
            ? frozen
            : throw new ArgumentException($"{nameof(FrozenLayers)} is {FrozenLayers}, but the network has {layers} layers with parameters, and at least one must be left to train", nameof(FrozenLayers));
    }

    /// <exception cref="ArgumentException">A setting is out of its range; the message names it.</exception>
    internal void Validate()
    {
        Guard.Require(Epochs >= 0, nameof(Epochs), Epochs, "0 (chosen by the images) or more");
        Guard.Require(BatchSize >= 0, nameof(BatchSize), BatchSize, "0 (chosen by the number of images) or more");
        Guard.Require(TrainingMemory is null or > 0, nameof(TrainingMemory), TrainingMemory, "null or at least 1 byte");
        Guard.Require(Threads >= 0, nameof(Threads), Threads, "0 (all processors) or more");
        Guard.Require(LabelSmoothing is null or (>= 0 and < 1), nameof(LabelSmoothing), LabelSmoothing, "in [0, 1)");
        Guard.Require(CalibrationFraction is null or (>= 0 and < 1), nameof(CalibrationFraction), CalibrationFraction, "in [0, 1)");
        Guard.Require(ClassWeights?.All(weight => weight >= 0 && float.IsFinite(weight)) ?? true, nameof(ClassWeights), string.Join(", ", ClassWeights ?? []), "finite and 0 or more");
        Guard.Require(Enum.IsDefined(OnCancellation), nameof(OnCancellation), OnCancellation, "a defined outcome");
        Guard.Require(CheckpointPath is not "", nameof(CheckpointPath), CheckpointPath, "a folder, or null");
        ArgumentNullException.ThrowIfNull(CheckpointEvery);
        ArgumentNullException.ThrowIfNull(Communicator);
        Augmentation?.Validate();
        Guard.Require(ParameterAveragingEpochs >= 0 && double.IsFinite(ParameterAveragingEpochs), nameof(ParameterAveragingEpochs), ParameterAveragingEpochs, "0 or more and finite");
        Optimizer.Validate();
        Schedule.Validate();
        EarlyStopping?.Validate();
    }
}

/// <summary>What a cancelled training comes to.</summary>
public enum CancellationOutcome
{
    /// <summary>An <see cref="OperationCanceledException"/>.</summary>
    Throw,

    /// <summary>
    /// The model as it was after the last step, or, with early stopping, after the best epoch so far. Without a single step
    /// there is none, and the exception comes all the same.
    /// </summary>
    KeepBest,
}

/// <summary>What early stopping watches on the validation images.</summary>
public enum EarlyStoppingMetric
{
    /// <summary>Share classified correctly; more is better.</summary>
    Accuracy,

    /// <summary>Mean cross-entropy; less is better.</summary>
    Loss,
}

/// <summary>
/// Ends a training when <paramref name="Metric"/> on the validation images has not improved by more than
/// <paramref name="MinDelta"/> for <paramref name="Patience"/> epochs; the best epoch's parameters are the result.
/// </summary>
/// <param name="MinDelta">What counts as an improvement, 0 or more. Default 0.</param>
/// <param name="Patience">Epochs to wait for one, at least 1. Default 5.</param>
/// <param name="Metric">What is watched.</param>
public sealed record EarlyStopping(double MinDelta = 0, int Patience = 5, EarlyStoppingMetric Metric = EarlyStoppingMetric.Accuracy)
{
    internal void Validate()
    {
        Guard.Require(MinDelta >= 0, $"{nameof(EarlyStopping)}.{nameof(MinDelta)}", MinDelta, "0 or more");
        Guard.Require(Patience >= 1, $"{nameof(EarlyStopping)}.{nameof(Patience)}", Patience, "at least 1");
    }

    /// <summary>Whether the training ends with <paramref name="epoch"/>, which is not better than the best one.</summary>
    internal bool IsEnough(EpochReport epoch, int best) => epoch.Epoch - best >= Patience;

    /// <summary>Whether <paramref name="epoch"/> is better than <paramref name="best"/> by more than the least delta. Any number is better than NaN.</summary>
    internal bool IsBetter(EpochReport epoch, EpochReport best) => Metric == EarlyStoppingMetric.Accuracy
        ? epoch.ValidationAccuracy > best.ValidationAccuracy + MinDelta
        : epoch.ValidationLoss < best.ValidationLoss - MinDelta || (double.IsNaN(best.ValidationLoss!.Value) && !double.IsNaN(epoch.ValidationLoss!.Value));
}
