using Kfac.Curvature;
using Kfac.Images;
using Kfac.Models;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Parallel;
using Kfac.Tests.Images;
using Kfac.Training;

namespace Kfac.Tests.Training;

/// <summary>A training that was interrupted goes on by itself, with the bits that it would have had.</summary>
[TestClass]
public sealed class CheckpointTests
{
    private static readonly NetworkSpec Tiny = NetworkSpec.For(8, 8, 1).Conv(4, 3).BatchNorm().Relu().MaxPool(2).Flatten().Dropout(0.1f).Dense(SyntheticImages.Classes);

    private readonly string _folder = Directory.CreateTempSubdirectory().FullName;

    private readonly List<string> _warnings = [], _infos = [];

    private string Folder => Path.Combine(_folder, "checkpoints");

    private TrainingOptions Options => new()
    {
        Network = Tiny,
        Optimizer = new KfacOptions { Approximation = FisherApproximation.Kronecker, InverseUpdatePeriod = 5, InverseDelay = 3 },
        Augmentation = new AugmentationOptions { Shift = 0.2 },
        Epochs = 4,
        BatchSize = 16,
        Threads = 2,
        Seed = 3,
        OnWarning = _warnings.Add,
        OnInfo = _infos.Add,
        CheckpointPath = Folder,
    };

    [TestCleanup]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DataRow(1, 2)]
    [DataRow(2, 3)]
    [DataRow(3, 6)]
    public void Interrupted_at_a_step_it_ends_as_if_it_had_not_been(int epoch, int batch)
    {
        ImageClassifier whole = Fit(Options with { CheckpointPath = null });
        TrainingOptions options = Options with { CheckpointEvery = CheckpointInterval.Time(TimeSpan.Zero) };

        Interrupt(options, epoch, batch);
        ImageClassifier resumed = Fit(options);

        CollectionAssert.AreEqual(Weights(whole), Weights(resumed));
        CollectionAssert.AreEqual(whole.History.Select(Seen).ToArray(), resumed.History.Select(report => Seen(report)).ToArray());
        Assert.Contains(info => info.Contains($"the training goes on from {Folder}", StringComparison.Ordinal), _infos);
        Assert.IsEmpty(_warnings);

        static (int, double, double, double?) Seen(EpochReport report) => (report.Epoch, report.TrainingLoss, report.TrainingAccuracy, report.ValidationLoss);
    }

    [TestMethod]
    public void Early_stopping_remembers_its_best_epoch()
    {
        TrainingOptions options = Options with { Epochs = 9, EarlyStopping = new EarlyStopping(MinDelta: 0.6, Patience: 5) };
        ImageClassifier whole = Fit(options with { CheckpointPath = null });
        Assert.HasCount(6, whole.History, "nothing gets better by 0.6 after the first epoch");

        Interrupt(options, epoch: 4, batch: 2);
        ImageClassifier resumed = Fit(options);

        Assert.HasCount(6, resumed.History);
        CollectionAssert.AreEqual(Weights(whole), Weights(resumed));
    }

    [TestMethod]
    public void Streams_go_on_at_the_image_they_had_come_to()
    {
        ImageSet Streamed(int seed) => ImageSet.Load(new SourceStream(SyntheticImages.Create(200, seed)), 4096);
        ImageClassifier Train(TrainingOptions options) => new ImageClassifierTrainer(options).Fit(Streamed(1), Streamed(2), previous: null);
        ImageClassifier whole = Train(Options with { CheckpointPath = null });
        TrainingOptions options = Options with { CheckpointEvery = CheckpointInterval.Time(TimeSpan.Zero) };

        Assert.ThrowsExactly<InterruptedException>(() => Train(InterruptedAt(options, epoch: 2, batch: 7)));

        CollectionAssert.AreEqual(Weights(whole), Weights(Train(options)));
    }

    [TestMethod]
    public void A_training_that_had_ended_is_there_at_once()
    {
        ImageClassifier trained = Fit(Options);
        int steps = 0;

        ImageClassifier again = Fit(Options with { OnBatch = _ => steps++ });

        Assert.AreEqual(0, steps);
        CollectionAssert.AreEqual(Weights(trained), Weights(again));
        CollectionAssert.AreEqual(trained.History.ToArray(), again.History.ToArray());
    }

    [TestMethod]
    public void Cancelling_keeps_what_was_done()
    {
        ImageClassifier whole = Fit(Options with { CheckpointPath = null });
        using var source = new CancellationTokenSource();
        TrainingOptions options = Options with { CheckpointEvery = CheckpointInterval.Epochs(100) };

        Assert.ThrowsExactly<OperationCanceledException>(() => Fit(options with { OnBatch = report => Cancel(report.Epoch == 2 && report.Batch == 3) }, cancellation: source.Token));
        int first = 0;
        ImageClassifier resumed = Fit(options with { OnBatch = report => first = first == 0 ? report.Batch : first });

        Assert.AreEqual(4, first);
        CollectionAssert.AreEqual(Weights(whole), Weights(resumed));

        void Cancel(bool now)
        {
            if (now)
            {
                source.Cancel();
            }
        }
    }

    [TestMethod]
    public void A_continued_training_resumes_too()
    {
        ImageClassifier previous = Fit(Options with { CheckpointPath = null, Epochs = 2 }), whole = Fit(Options with { CheckpointPath = null }, previous);

        Assert.ThrowsExactly<InterruptedException>(() => Fit(InterruptedAt(Options, epoch: 4, batch: 2), previous));
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => Fit(Options)).Message, "another the previous model");

        CollectionAssert.AreEqual(Weights(whole), Weights(Fit(Options, previous)));
    }

    [TestMethod]
    public void Every_option_that_counts_is_compared_by_name()
    {
        Interrupt(Options, epoch: 2, batch: 1);

        Refused(Options with { Epochs = 5 }, "another Epochs: 4, now 5");
        Refused(Options with { Optimizer = new SgdOptions() }, "another Optimizer: KfacOptions, now SgdOptions");
        Refused(Options with { Optimizer = (KfacOptions)Options.Optimizer with { Damping = 0.1f } }, "another Optimizer.Damping: none, now 0.1");
        Refused(Options with { Optimizer = (KfacOptions)Options.Optimizer with { LayerApproximations = new Dictionary<string, FisherApproximation> { ["dense_1"] = FisherApproximation.Full } } }, "another Optimizer.LayerApproximations: , now dense_1 = Full");
        Refused(Options with { Schedule = new WarmUpCosineSchedule(WarmUp: 0.1) }, "another Schedule.WarmUp: 0.05, now 0.1");
        Refused(Options with { Schedule = new MultiStepSchedule(0.1, [1, 2.5]) }, "another Schedule: WarmUpCosineSchedule, now MultiStepSchedule");
        Refused(Options with { Seed = 4 }, "another Seed: 3, now 4");
        Refused(Options with { ClassWeights = [1, 2, 3] }, "another ClassWeights: none, now 1, 2, 3");
        Refused(Options with { Augmentation = null }, "another Augmentation.Shift: 0.2, now 0");
        Refused(Options with { Network = Tiny.Relu() }, "\"UseBias\":true}]}, now …");
        Assert.HasCount(4, Fit(Options with { Threads = 1, OnCancellation = CancellationOutcome.KeepBest, CheckpointEvery = CheckpointInterval.Epochs(3) }).History);
    }

    [TestMethod]
    public void Another_batch_size_is_refused_where_memory_decides_on_it()
    {
        TrainingOptions open = Options with { BatchSize = 0, TrainingMemory = 1L << 30 };
        using var workers = new Workers(2);
        int Chosen(long memory) => new StepMemory(open with { TrainingMemory = memory, OnWarning = null }, Tiny, workers).ChooseBatchSize(90);
        int wanted = Chosen(1L << 30);
        long less = 1L << 30;
        while (Chosen(less) == wanted)
        {
            less -= less / 10;
        }

        Interrupt(open, epoch: 2, batch: 1);

        Refused(open with { TrainingMemory = less }, $"of a training with another batch size: {wanted}, now {Chosen(less)}");
        Refused(open with { BatchSize = 8 }, "another BatchSize: 0, now 8 (batch size differ too)");
        Assert.HasCount(4, Fit(open with { TrainingMemory = 1L << 31 }).History, "as many images in a step");
    }

    [TestMethod]
    public void No_option_is_forgotten()
    {
        IEnumerable<string> described = TrainingSettings.Describe(Options, Tiny, Images(90, 1), null, null).Keys;

        CollectionAssert.IsSubsetOf(typeof(TrainingOptions).GetProperties().Select(option => option.Name).Except(TrainingSettings.LeftOut).ToArray(), described.ToArray());
    }

    [TestMethod]
    public void Other_images_are_refused()
    {
        Interrupt(Options, epoch: 2, batch: 1);

        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => new ImageClassifierTrainer(Options).Fit(Images(93, 1), Images(30, 2), null)).Message, "another the training images: 90 images of 8x8x1 in 3 classes");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => new ImageClassifierTrainer(Options).Fit(Images(90, 7), Images(30, 2), null)).Message, "another the training images");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => new ImageClassifierTrainer(Options).Fit(Images(90, 1), null, null)).Message, "another the validation images");
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => new ImageClassifierTrainer(Options).Fit(ImageSet.Load(new SourceStream(SyntheticImages.Create(90, 1)), 4096), Images(30, 2), null)).Message,
            "in memory");
    }

    [TestMethod]
    public void The_last_two_are_kept_and_a_damaged_one_falls_back_to_the_one_before()
    {
        ImageClassifier whole = Fit(Options with { CheckpointPath = null });
        Interrupt(Options, epoch: 4, batch: 2);
        string[] files = [.. Directory.GetFiles(Folder).Order()];
        CollectionAssert.AreEqual((string[])["checkpoint-000000002.kfac", "checkpoint-000000003.kfac"], files.Select(Path.GetFileName).ToArray());
        Flip(files[1]);

        ImageClassifier resumed = Fit(Options);

        CollectionAssert.AreEqual(Weights(whole), Weights(resumed));
        StringAssert.Contains(_warnings.Single(), $"{files[1]} cannot be used, the one before it is taken: the checkpoint is damaged: its checksum does not match its content");
        Assert.Contains(info => info.Contains($"goes on from {files[0]}, after 2 whole epochs", StringComparison.Ordinal), _infos);
    }

    [TestMethod]
    public void Where_all_are_damaged_nothing_is_thrown_away_silently()
    {
        Interrupt(Options, epoch: 4, batch: 2);
        Array.ForEach(Directory.GetFiles(Folder), Flip);

        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => Fit(Options)).Message, "none of the 2 checkpoints");
    }

    [TestMethod]
    [DataRow("progress.hasEnded", 1, "it has ended after 2 of 4 epochs")]
    [DataRow("progress.epochs", 3, "0 and 3 epochs are done, but 2 reported")]
    [DataRow("progress.steps", 3, "0 images were seen in 3 steps")]
    [DataRow("recoveries", 1, "1 steps were refused, 0 before this epoch")]
    [DataRow("trainingPasses", 11, "11 passes do not go with the steps that are done")]
    public void A_moment_that_the_training_cannot_have_is_refused(string number, int value, string message) =>
        AfterForgery(Options, number, value, $"can be no moment of this training: {message}");

    [TestMethod]
    [DataRow("kronecker", "recoveriesInARow", 6)]
    [DataRow("kronecker", "recoveriesInARow", -1)]
    [DataRow("kronecker", "stepsSinceRecovery", -1)]
    [DataRow("kronecker", "curvatureRecoveries", -1)]
    [DataRow("kronecker", "factor0.updates", 0)]
    [DataRow("kronecker", "factor1.refused", -1)]
    [DataRow("kronecker", "factor1.isProvisional", 2)]
    [DataRow("kronecker", "block0.locations", unchecked((int)0xbf800000))]
    [DataRow("kronecker", "hasInverses", 0)]
    [DataRow("kronecker", "caution", 0x40000000)]
    [DataRow("kronecker", "dampingFactor", unchecked((int)0xbf800000))]
    [DataRow("ekfac", "block0.inverse.hasBasis", 0)]
    [DataRow("ekfac", "dampingTrend", 2)]
    [DataRow("adam", "caution", 0x40000000)]
    [DataRow("adam", "adamSteps", -1)]
    public void What_an_optimizer_cannot_have_counted_is_refused(string optimizer, string number, int value)
    {
        OptimizerOptions[] optimizers = [Options.Optimizer, new KfacOptions { Approximation = FisherApproximation.Ekfac, DampingAdaptation = DampingAdaptation.LevenbergMarquardt }, new AdamOptions()];
        AfterForgery(Options with { Optimizer = optimizers[Array.IndexOf(["kronecker", "ekfac", "adam"], optimizer)] }, number, value, "does not hold what this version of the library remembers");
    }

    /// <summary>Changes a number (or the first of several) in the only checkpoint, makes its checksum good, and has it refused.</summary>
    private void AfterForgery(TrainingOptions options, string number, int value, string message)
    {
        Interrupt(options, epoch: 3, batch: 2);
        string[] files = [.. Directory.GetFiles(Folder).Order()];
        File.Delete(files[0]);
        byte[] whole = File.ReadAllBytes(files[1]), forged = [.. whole], name = [(byte)number.Length, .. System.Text.Encoding.UTF8.GetBytes(number)];
        BitConverter.TryWriteBytes(forged.AsSpan(forged.AsSpan().IndexOf(name) + name.Length + sizeof(byte) + sizeof(int)), value);
        System.Security.Cryptography.SHA256.HashData(forged.AsSpan(..^32)).CopyTo(forged, forged.Length - 32);
        File.WriteAllBytes(files[1], forged);

        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => Fit(options)).Message, message);
        File.WriteAllBytes(files[1], whole);
        Assert.HasCount(4, Fit(options).History);
    }

    [TestMethod]
    public void A_folder_that_cannot_be_written_to_is_a_warning_and_the_training_goes_on()
    {
        ImageClassifier model = Fit(Options with { OnEpoch = report => Obstruct(report.Epoch) });

        Assert.HasCount(4, model.History);
        Assert.HasCount(4, _warnings);
        StringAssert.Contains(_warnings[0], $"no checkpoint was written to {Folder}");

        void Obstruct(int epoch)
        {
            if (epoch == 1)
            {
                Directory.Delete(Folder, recursive: true);
            }
        }
    }

    [TestMethod]
    public void One_training_at_a_time_uses_a_folder()
    {
        IOException? second = null;

        Fit(Options with { OnEpoch = _ => second ??= Assert.ThrowsExactly<IOException>(() => Fit(Options)) });

        StringAssert.Contains(second!.Message, $"CheckpointPath {Folder} is used by another training");
        Assert.EndsWith("by another training", second.Message);
    }

    private void Interrupt(TrainingOptions options, int epoch, int batch)
    {
        Assert.ThrowsExactly<InterruptedException>(() => Fit(InterruptedAt(options, epoch, batch)));
        _warnings.Clear();
    }

    /// <summary>What a callback throws ends the training without a further word, much as a kill does.</summary>
    private static TrainingOptions InterruptedAt(TrainingOptions options, int epoch, int batch) =>
        options with { OnBatch = report => _ = (report.Epoch, report.Batch) == (epoch, batch) ? throw new InterruptedException() : 0 };

    private void Refused(TrainingOptions options, string part) => StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => Fit(options)).Message, part);

    private static void Flip(string file)
    {
        byte[] bytes = File.ReadAllBytes(file);
        bytes[bytes.Length / 2] ^= 1;
        File.WriteAllBytes(file, bytes);
    }

    private static ImageClassifier Fit(TrainingOptions options, ImageClassifier? previous = null, CancellationToken cancellation = default) =>
        new ImageClassifierTrainer(options).Fit(Images(90, 1), Images(30, 2), previous, cancellation);

    private static ImageSet Images(int count, int seed) => ImageSet.Of(SyntheticImages.Create(count, seed));

    private static float[] Weights(ImageClassifier model) => [.. model.Parameters.SelectMany(parameter => parameter.Values.ToArray())];

    private sealed class InterruptedException : Exception;
}
