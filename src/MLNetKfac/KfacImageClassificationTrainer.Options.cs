using Kfac;
using Kfac.Images;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Parallel;
using Kfac.Training;
using Microsoft.ML;
using MLNetKfac.Columns;

namespace MLNetKfac;

public sealed partial class KfacImageClassificationTrainer
{
    /// <summary>Columns, network, optimizer and course of a training. Everything has a default.</summary>
    public sealed class Options
    {
        /// <summary>Defaults that are the engine's are taken from here, so that they cannot differ.</summary>
        private static readonly TrainingOptions Engine = new();

        /// <summary>
        /// Column of the pixels, a vector of <see cref="float"/> or <see cref="byte"/> of known size: [H, W, C] or [C, H, W] as
        /// <c>ExtractPixels</c> gives them, or [H, W]. Any unit will do: the network scales its input. Or a column of images
        /// (<see cref="Microsoft.ML.Data.MLImage"/>), all of one size, as <c>ResizeImages</c> makes them. Or features: any
        /// other vector, such as an image featurizer's [1, 512, 1, 1], for a dense network; dimensions of 1 are ignored.
        /// </summary>
        public string FeatureColumnName = "Features";

        /// <summary>Column of the labels, a key as <c>MapValueToKey</c> gives it; as many classes as the key has values.</summary>
        public string LabelColumnName = "Label";

        /// <summary>
        /// Column of how much each row counts in the loss, a <see cref="float"/>, finite and 0 or more; null for none. Weights are
        /// scaled to a mean of 1 over the training rows. Validation is reported without weights.
        /// </summary>
        public string? ExampleWeightColumnName;

        /// <summary>Column to write the classes' probabilities to, a vector of <see cref="float"/> that adds up to 1.</summary>
        public string ScoreColumnName = "Score";

        /// <summary>Column to write the most probable class to, a key with the label's values.</summary>
        public string PredictedLabelColumnName = "PredictedLabel";

        /// <summary>
        /// Shape of the images where the feature column does not tell; null takes the network's. Without either a flat vector is
        /// no image, and gets a dense network. For an image column: size and channels to read (1 grey, 3 RGB, 4 RGBA); if
        /// null, RGB in the size of the column's type, else of the first image.
        /// </summary>
        public ImageShape? ImageShape;

        /// <summary>
        /// Order of the values in the feature column. Null goes by its dimensions, the one of 1, 3 or 4 being the channels; flat
        /// vectors are then <see cref="ImageLayout.ChannelsLast"/>.
        /// </summary>
        public ImageLayout? Layout;

        /// <summary>The network; null takes <see cref="NetworkSpec.PhotographCnn"/> for colour images of at least 24 x 24, else <see cref="NetworkSpec.SmallCnn"/>.</summary>
        public NetworkSpec? Network = Engine.Network;

        /// <summary>
        /// How many layers with parameters (convolutions, dense layers, normalisations), the first ones, keep the previous
        /// model's weights, bit for bit: <c>3</c>, or <c>^1</c> for all but the last. Only for
        /// <see cref="Fit(IDataView, IDataView, KfacImageClassificationTransformer)"/>. Default 0: all are trained.
        /// </summary>
        public Index FrozenLayers = Engine.FrozenLayers;

        /// <summary>The optimizer and its settings: <see cref="KfacOptions"/> (the default), <see cref="SgdOptions"/>, <see cref="AdamOptions"/> or <see cref="MuonOptions"/>.</summary>
        public OptimizerOptions Optimizer = Engine.Optimizer;

        /// <summary>Learning rate before the schedule's factor, positive; null leaves it to <see cref="Optimizer"/>.</summary>
        public float? LearningRate;

        /// <summary>Factor on the learning rate over the course of the training; the default warms up shortly and falls to a fifth along half a cosine.</summary>
        public LearningRateSchedule LearningRateScheduler = Engine.Schedule;

        /// <summary>Passes over the training images; 0 takes 10, or of n training rows for networks without convolutions 10·√(5,000 / n) from 10 to 60, and for colour images of at least 24 x 24 12·√(50,000 / n) from 12 to 80.</summary>
        public int Epoch = Engine.Epochs;

        /// <summary>
        /// Whether colour images of at least 24 x 24 get twice the epochs, where <see cref="Epoch"/> is 0, and <see cref="AverageShifted"/>:
        /// a little more accurate, in twice the training time and three times that of a prediction.
        /// </summary>
        public bool Thorough = Engine.Thorough;

        /// <summary>Largest number of images in a step; 0 takes 64, or 128 where 20,000 images or more are trained on, at least 100,000 times in all, or as many as <see cref="TrainingMemory"/> allows.</summary>
        public int BatchSize = Engine.BatchSize;

        /// <summary>Label smoothing ε, in [0, 1): the loss is the cross-entropy with (1 - ε) onehot(label) + ε / classes. Null takes 0.1 for colour images of at least 24 x 24, 0.2 in up to 24 epochs of them, else 0.</summary>
        public float? LabelSmoothing = Engine.LabelSmoothing;

        /// <summary>
        /// Share of each class's rows, in [0, 1), that is set apart to calibrate the probabilities; 0 does not calibrate. Null takes the
        /// validation rows for it, or else sets apart 0.1, at most 1,000 rows, of 500 colour images of at least 24 x 24 and more.
        /// </summary>
        public double? CalibrationFraction = Engine.CalibrationFraction;

        /// <summary>Whether the model is to average each image's class scores with those of its mirror image, at twice the time of a prediction. Null does so where <see cref="Augmentation"/> mirrors images.</summary>
        public bool? AverageMirrored = Engine.AverageMirrored;

        /// <summary>
        /// Whether the model is to average each image's class scores with those of the image moved by a 32nd of its shorter side, up left and
        /// down right, which weigh half, at three times the time of a prediction; six times with <see cref="AverageMirrored"/>.
        /// </summary>
        public bool AverageShifted = Engine.AverageShifted;

        /// <summary>
        /// Validation and the trained model take the parameters' running average over about so many epochs; 0 takes the last
        /// parameters. Default 0.2.
        /// </summary>
        public double ParameterAveragingEpochs = Engine.ParameterAveragingEpochs;

        /// <summary>
        /// Weights of the classes in the loss by label value, as text; those not named count 1. Finite and 0 or more; only
        /// ratios matter. A key without values is named by its number, 1 being the first.
        /// </summary>
        public IReadOnlyDictionary<string, float>? ClassWeights;

        /// <summary>Whether every class is to weigh the same in the loss, however many rows it has, before <see cref="ClassWeights"/>.</summary>
        public bool BalanceClasses = Engine.BalanceClasses;

        /// <summary>Ends the training when the validation images fare no better, and keeps the best epoch's weights; null trains all epochs.</summary>
        public EarlyStopping? EarlyStoppingCriteria = Engine.EarlyStopping;

        /// <summary>Rows to validate on after each epoch, with the columns of the training rows; null takes <see cref="ValidationSetFraction"/>.</summary>
        public IDataView? ValidationSet;

        /// <summary>
        /// Share of each class's training rows, in [0, 1), that is set apart for validation where there is no
        /// <see cref="ValidationSet"/>: above 0, at least one row of each class that has two. Null takes 0.1 for <see cref="EarlyStoppingCriteria"/>, which cannot do without, and
        /// otherwise 0: images held out would then serve for a report alone.
        /// </summary>
        public float? ValidationSetFraction;

        /// <summary>Told of every step and every epoch, on the thread that trains; what it throws ends the training.</summary>
        public Action<KfacImageClassificationMetrics>? MetricsCallback;

        /// <summary>
        /// Seed of whatever is random; null draws one from the environment, so that a seeded <see cref="MLContext"/> is enough, or
        /// takes 1 with a <see cref="CheckpointPath"/>, so that a program that is started again finds its training.
        /// </summary>
        public int? Seed;

        /// <summary>Threads to train with; 0 takes all processors. The model does not depend on it, unless <see cref="TrainingMemory"/> makes the batch smaller: each thread needs some.</summary>
        public int Threads = Engine.Threads;

        /// <summary>
        /// The ranks that train together, such as <c>MpiCommunicator.World</c> of the package Kfac.Mpi; each runs the same pipeline over
        /// the same rows, of which it reads a share, and gets the same model, that of a single process, with rank 0's seed. Only rank 0 reports.
        /// </summary>
        public Communicator Communicator = Engine.Communicator;

        /// <summary>Ends the training within half a second, in the middle of a step if need be, as <see cref="OnCancellation"/> says; ranks that train together end it after the step at work.</summary>
        public CancellationToken CancellationToken;

        /// <summary>What a cancelled training comes to: an <see cref="OperationCanceledException"/> (the default), or the best model so far.</summary>
        public CancellationOutcome OnCancellation = Engine.OnCancellation;

        /// <summary>Random changes of the training images, the same for the same seed. Null takes <see cref="AugmentationOptions.For"/> the images: photographs are shifted and mirrored, in up to 24 epochs by half as much and with reflected borders.</summary>
        public AugmentationOptions? Augmentation = Engine.Augmentation;

        /// <summary>
        /// Bytes that the training images may take in memory, positive, and as many again for a validation set. Images that take more are read anew in each
        /// epoch and shuffled in a buffer of half as many bytes. Null takes half of what the runtime has available, divided by the ranks on this machine. Of ranks, the least is taken.
        /// </summary>
        public long? MemoryBudget;

        /// <summary>
        /// Bytes that network and optimizer may take, positive. What they need is known before the first step: more is refused,
        /// unless <see cref="BatchSize"/> is 0 and a smaller one will do. Null takes 3 GiB for a <see cref="BatchSize"/> of 0, and in any
        /// case no more than three quarters of what the runtime has available.
        /// </summary>
        public long? TrainingMemory;

        /// <summary>
        /// Folder of the training's checkpoints, of which the last two are kept; it is made where there is none. <c>Fit</c> with
        /// the same rows and options goes on from the newest one and ends with the same bits as a training that was never
        /// interrupted; where it had ended, the model is there at once. Other rows or options are refused. Null for no checkpoints.
        /// </summary>
        public string? CheckpointPath = Engine.CheckpointPath;

        /// <summary>How often a checkpoint is written: <c>CheckpointInterval.Epochs(1)</c>, the default, or <c>CheckpointInterval.Time(…)</c>. There is also one at the end, and one when the training is cancelled.</summary>
        public CheckpointInterval CheckpointEvery = Engine.CheckpointEvery;

        /// <summary>
        /// Whether a saved model holds what its optimizer remembered, too, several times the size of its weights: a training that
        /// goes on from the file has then the same bits as one that goes on in the same process.
        /// </summary>
        public bool SaveOptimizerState;

        /// <summary>What they say of the images.</summary>
        internal ToldImages Images => new(ImageShape ?? Network?.Input, ImageShape is null ? nameof(Network) : nameof(ImageShape), Layout);

        /// <summary>A copy: changing these options afterwards changes nothing in it.</summary>
        internal Options Copy()
        {
            var copy = (Options)MemberwiseClone();
            copy.ClassWeights = ClassWeights?.ToDictionary();
            return copy;
        }

        /// <summary>The engine's side of these options, checked.</summary>
        /// <exception cref="ArgumentException">An option is out of its range; the message names it.</exception>
        internal TrainingOptions ToTrainingOptions(int seed)
        {
            Guard.Require(!string.IsNullOrEmpty(FeatureColumnName), nameof(FeatureColumnName), FeatureColumnName, "the name of a column");
            Guard.Require(!string.IsNullOrEmpty(LabelColumnName), nameof(LabelColumnName), LabelColumnName, "the name of a column");
            Guard.Require(!string.IsNullOrEmpty(ScoreColumnName), nameof(ScoreColumnName), ScoreColumnName, "the name of a column");
            Guard.Require(
                !string.IsNullOrEmpty(PredictedLabelColumnName) && PredictedLabelColumnName != ScoreColumnName,
                nameof(PredictedLabelColumnName), PredictedLabelColumnName, $"the name of a column, and another than {nameof(ScoreColumnName)}");
            Guard.Require(Optimizer is not null, nameof(Optimizer), Optimizer, "an optimizer's options");
            Guard.Require(Communicator is not null, nameof(Communicator), Communicator, "ranks");
            Guard.Require(LearningRateScheduler is not null, nameof(LearningRateScheduler), LearningRateScheduler, "a schedule");
            Guard.Require(LearningRate is null or (> 0 and < float.PositiveInfinity), nameof(LearningRate), LearningRate, "positive and finite");
            Guard.Require(Epoch >= 0, nameof(Epoch), Epoch, "0 (chosen by the images) or more");
            Guard.Require(ValidationSetFraction is null or (>= 0 and < 1), nameof(ValidationSetFraction), ValidationSetFraction, "in [0, 1)");
            Guard.Require(Layout is null || Enum.IsDefined(Layout.Value), nameof(Layout), Layout, "a defined layout");
            Guard.Require(ExampleWeightColumnName is null or not "", nameof(ExampleWeightColumnName), ExampleWeightColumnName, "the name of a column, or null");
            Guard.Require(
                ClassWeights?.Values.All(weight => weight >= 0 && float.IsFinite(weight)) ?? true,
                nameof(ClassWeights), string.Join(", ", ClassWeights?.Values ?? []), "finite and 0 or more");
            Guard.Require(CheckpointEvery is not null, nameof(CheckpointEvery), CheckpointEvery, "an interval");
            Guard.Require(MemoryBudget is null or >= 1, nameof(MemoryBudget), MemoryBudget, "at least 1 byte");
            Guard.Require(TrainingMemory is null or >= 1, nameof(TrainingMemory), TrainingMemory, "at least 1 byte");
            return new TrainingOptions
            {
                TrainingMemory = TrainingMemory,
                Network = Network,
                FrozenLayers = FrozenLayers,
                Optimizer = LearningRate is { } rate ? Optimizer with { LearningRate = rate } : Optimizer,
                Schedule = LearningRateScheduler,
                Epochs = Epoch,
                Thorough = Thorough,
                BatchSize = BatchSize,
                LabelSmoothing = LabelSmoothing,
                CalibrationFraction = CalibrationFraction,
                AverageMirrored = AverageMirrored,
                AverageShifted = AverageShifted,
                ParameterAveragingEpochs = ParameterAveragingEpochs,
                BalanceClasses = BalanceClasses,
                Augmentation = Augmentation,
                OnCancellation = OnCancellation,
                EarlyStopping = EarlyStoppingCriteria,
                Seed = seed,
                CheckpointPath = CheckpointPath,
                CheckpointEvery = CheckpointEvery,
                Threads = Threads,
                Communicator = Communicator,
            };
        }
    }
}

/// <summary>In which order the values of an image follow each other in a feature vector.</summary>
public enum ImageLayout
{
    /// <summary>Rows, columns, channels; channels fastest: what <c>ExtractPixels</c> gives with <c>interleavePixelColors: true</c>.</summary>
    ChannelsLast,

    /// <summary>Channels, rows, columns; columns fastest: what <c>ExtractPixels</c> gives by default.</summary>
    ChannelsFirst,
}
