using Kfac;
using Kfac.Images;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Parallel;
using Kfac.Training;
using Microsoft.ML;

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
        /// <c>ExtractPixels</c> gives them, [H, W], or flat. Any unit will do: the network scales its input. Or a column of images
        /// (<see cref="Microsoft.ML.Data.MLImage"/>), all of one size, as <c>ResizeImages</c> makes them.
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
        /// Shape of the images where the feature column does not tell; null takes the network's, and without one the square grey
        /// image. Of a column of images it tells the size, else that of the type or of the first image, and by the number of
        /// channels whether they are grey (1), RGB (3, the default) or RGBA (4).
        /// </summary>
        public ImageShape? ImageShape;

        /// <summary>
        /// Order of the values in the feature column. Null goes by its dimensions, the one of 1, 3 or 4 being the channels; flat
        /// vectors are then <see cref="ImageLayout.ChannelsLast"/>.
        /// </summary>
        public ImageLayout? Layout;

        /// <summary>The network; null takes <see cref="NetworkSpec.SmallCnn"/> for the images and classes at hand.</summary>
        public NetworkSpec? Network = Engine.Network;

        /// <summary>The optimizer and its settings: <see cref="KfacOptions"/> (the default), <see cref="SgdOptions"/>, <see cref="AdamOptions"/> or <see cref="MuonOptions"/>.</summary>
        public OptimizerOptions Optimizer = Engine.Optimizer;

        /// <summary>Learning rate before the schedule's factor, positive; null leaves it to <see cref="Optimizer"/>.</summary>
        public float? LearningRate;

        /// <summary>Factor on the learning rate over the course of the training; the default warms up shortly and falls to 0.</summary>
        public LearningRateSchedule LearningRateScheduler = Engine.Schedule;

        /// <summary>Passes over the training images, at least 1.</summary>
        public int Epoch = Engine.Epochs;

        /// <summary>Largest number of images in a step; 0 takes 64, or 128 where 20,000 images or more are trained on, at least 100,000 times in all.</summary>
        public int BatchSize = Engine.BatchSize;

        /// <summary>Label smoothing ε, in [0, 1): the loss is the cross-entropy with (1 - ε) onehot(label) + ε / classes.</summary>
        public float LabelSmoothing = Engine.LabelSmoothing;

        /// <summary>
        /// Validation and the trained model take the parameters' running average over about so many epochs; 0 takes the last
        /// parameters.
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
        /// <see cref="ValidationSet"/>. Null takes 0.1 for <see cref="EarlyStoppingCriteria"/>, which cannot do without, and
        /// otherwise 0: nothing but a report would then come of the images that the training goes without.
        /// </summary>
        public float? ValidationSetFraction;

        /// <summary>Told of every step and every epoch, on the thread that trains; what it throws ends the training.</summary>
        public Action<KfacImageClassificationMetrics>? MetricsCallback;

        /// <summary>Seed of whatever is random; null draws one from the environment, so that a seeded <see cref="MLContext"/> is enough.</summary>
        public int? Seed;

        /// <summary>Threads to train with; 0 takes all processors. The model does not depend on it.</summary>
        public int Threads = Engine.Threads;

        /// <summary>
        /// The ranks that train together, such as <c>MpiCommunicator.World</c> of the package Kfac.Mpi; each runs the same pipeline on
        /// the same rows and gets the same model, that of a single process, with rank 0's seed. Only rank 0 reports.
        /// </summary>
        public Communicator Communicator = Engine.Communicator;

        /// <summary>Ends the training after the step or row at work, as <see cref="OnCancellation"/> says.</summary>
        public CancellationToken CancellationToken;

        /// <summary>What a cancelled training comes to: an <see cref="OperationCanceledException"/>, or the best model so far.</summary>
        public CancellationOutcome OnCancellation = Engine.OnCancellation;

        /// <summary>Random changes of the training images, the same for the same seed. Null takes <see cref="AugmentationOptions.For"/> the images: photographs are shifted and mirrored.</summary>
        public AugmentationOptions? Augmentation = Engine.Augmentation;

        /// <summary>
        /// Bytes that the training images may take in memory, positive, and as many again for a validation set. Images that take more are read anew in each
        /// epoch and shuffled in a buffer of half as many bytes. Null takes half of what the runtime has available.
        /// </summary>
        public long? MemoryBudget;

        /// <summary>The engine's side of these options, checked.</summary>
        /// <exception cref="ArgumentException">An option is out of its range; the message names it.</exception>
        internal TrainingOptions ToTrainingOptions(int seed)
        {
            Require(!string.IsNullOrEmpty(FeatureColumnName), nameof(FeatureColumnName), FeatureColumnName, "the name of a column");
            Require(!string.IsNullOrEmpty(LabelColumnName), nameof(LabelColumnName), LabelColumnName, "the name of a column");
            Require(!string.IsNullOrEmpty(ScoreColumnName), nameof(ScoreColumnName), ScoreColumnName, "the name of a column");
            Require(
                !string.IsNullOrEmpty(PredictedLabelColumnName) && PredictedLabelColumnName != ScoreColumnName,
                nameof(PredictedLabelColumnName), PredictedLabelColumnName, $"the name of a column, and another than {nameof(ScoreColumnName)}");
            Require(Optimizer is not null, nameof(Optimizer), Optimizer, "an optimizer's options");
            Require(Communicator is not null, nameof(Communicator), Communicator, "ranks");
            Require(LearningRateScheduler is not null, nameof(LearningRateScheduler), LearningRateScheduler, "a schedule");
            Require(LearningRate is null or (> 0 and < float.PositiveInfinity), nameof(LearningRate), LearningRate, "positive and finite");
            Require(Epoch >= 1, nameof(Epoch), Epoch, "at least 1");
            Require(ValidationSetFraction is null or (>= 0 and < 1), nameof(ValidationSetFraction), ValidationSetFraction, "in [0, 1)");
            Require(Layout is null || Enum.IsDefined(Layout.Value), nameof(Layout), Layout, "a defined layout");
            Require(ExampleWeightColumnName is null or not "", nameof(ExampleWeightColumnName), ExampleWeightColumnName, "the name of a column, or null");
            Require(
                ClassWeights?.Values.All(weight => weight >= 0 && float.IsFinite(weight)) ?? true,
                nameof(ClassWeights), string.Join(", ", ClassWeights?.Values ?? []), "finite and 0 or more");
            Require(MemoryBudget is null or >= 1, nameof(MemoryBudget), MemoryBudget, "at least 1 byte");
            return new TrainingOptions
            {
                Network = Network,
                Optimizer = LearningRate is { } rate ? Optimizer with { LearningRate = rate } : Optimizer,
                Schedule = LearningRateScheduler,
                Epochs = Epoch,
                BatchSize = BatchSize,
                LabelSmoothing = LabelSmoothing,
                ParameterAveragingEpochs = ParameterAveragingEpochs,
                BalanceClasses = BalanceClasses,
                Augmentation = Augmentation,
                OnCancellation = OnCancellation,
                EarlyStopping = EarlyStoppingCriteria,
                Seed = seed,
                Threads = Threads,
                Communicator = Communicator,
            };
        }

        private static void Require([System.Diagnostics.CodeAnalysis.DoesNotReturnIf(false)] bool holds, string option, object? value, string expected)
        {
            if (!holds)
            {
                throw new ArgumentException($"{option} must be {expected}, but is {value ?? "null"}", option);
            }
        }
    }
}
