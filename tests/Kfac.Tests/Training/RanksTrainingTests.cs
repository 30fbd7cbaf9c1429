using Kfac.Curvature;
using Kfac.Images;
using Kfac.Models;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Parallel;
using Kfac.Tests.Images;
using Kfac.Tests.Parallel;
using Kfac.Tests.Running;
using Kfac.Training;

namespace Kfac.Tests.Training;

/// <summary>Ranks that train together get the model of one process, bit for bit.</summary>
[TestClass]
public sealed class RanksTrainingTests
{
    private static readonly NetworkSpec Small = NetworkSpec.For(8, 8, 1).Conv(5, 3).Relu().MaxPool(2).Conv(17, 3).Relu().MaxPool(2).Flatten().Dense(9).Relu().Dense(SyntheticImages.Classes);

    /// <summary>What makes other quantities in other passes, for gradients of convolutions that come from the whole batch.</summary>
    public static IEnumerable<object[]> OptimizersByBatch =>
    [
        .. Enum.GetValues<EstimationMode>().Select(mode => new object[] { $"{mode}", new KfacOptions { EstimationMode = mode, FactorUpdatePeriod = 2 } }),
        ["all squares", new KfacOptions { DiagonalExamples = null }],
        ["all squares of sampled labels", new KfacOptions { DiagonalExamples = null, EstimationMode = EstimationMode.Gradients }],
        ["squares of 11", new KfacOptions { DiagonalExamples = 11, EstimationMode = EstimationMode.Gradients }],
        ["quadratic model", new KfacOptions { MomentumKind = KfacMomentumKind.QuadraticModel, DampingAdaptation = DampingAdaptation.LevenbergMarquardt }],
        ["Kronecker", new KfacOptions { Approximation = FisherApproximation.Kronecker, FactorUpdatePeriod = 2 }],
        ["Muon", new MuonOptions()],
    ];

    public static IEnumerable<object[]> Networks => NetworkCases.NetworksWithDropout;

    public static IEnumerable<object[]> Optimizers =>
    [
        ["SGD", new SgdOptions()],
        ["SGD with weight decay and L2", new SgdOptions { Nesterov = true, WeightDecay = 0.01f, L2 = 0.001f }],
        ["Adam", new AdamOptions()],
        ["Muon", new MuonOptions()],
        ["K-FAC", new KfacOptions()],
        .. Enum.GetValues<FisherApproximation>().Select(approximation =>
            new object[] { $"K-FAC, {approximation}", new KfacOptions { Approximation = approximation, FactorExamples = null, FactorUpdatePeriod = 1, InverseUpdatePeriod = 3 } }),
        .. Enum.GetValues<FisherApproximation>().Select(approximation =>
            new object[] { $"K-FAC, {approximation}, 19 examples", new KfacOptions { Approximation = approximation, FactorExamples = 19, FactorUpdatePeriod = 2, InverseUpdatePeriod = 3, InverseDelay = 1 } }),
        .. Enum.GetValues<EstimationMode>().SelectMany(mode => new[] { FisherApproximation.Diagonal, FisherApproximation.Ekfac }.Select(approximation =>
            new object[] { $"K-FAC, {mode}, {approximation}", new KfacOptions { EstimationMode = mode, Approximation = approximation, FactorUpdatePeriod = 2, InverseUpdatePeriod = 3 } })),
        ["K-FAC, quadratic model", new KfacOptions { MomentumKind = KfacMomentumKind.QuadraticModel, DampingAdaptation = DampingAdaptation.LevenbergMarquardt }],
    ];

    [TestMethod]
    [DynamicData(nameof(Networks))]
    public void Every_network(string name, NetworkSpec spec) => RequireSameModel(new TrainingOptions
    {
        Network = spec,
        Optimizer = new KfacOptions { FactorUpdatePeriod = 1, InverseUpdatePeriod = 2 },
        Epochs = 2,
        BatchSize = 17,
    }, Noise(spec, 34), ranks: [2, 3], name);

    [TestMethod]
    [DynamicData(nameof(Optimizers))]
    public void Every_optimizer(string name, OptimizerOptions optimizer) =>
        RequireSameModel(new TrainingOptions { Network = Small, Optimizer = optimizer, Epochs = 2, BatchSize = 40 }, SyntheticImages.Create(120, seed: 3), ranks: [2, 3, 4], name);

    /// <summary>Parts for fewer than seven ranks, too.</summary>
    [TestMethod]
    [DynamicData(nameof(OptimizersByBatch))]
    public void Every_pass_of_convolutions_by_batch(string name, OptimizerOptions optimizer)
    {
        NetworkSpec spec = NetworkSpec.For(3, 3, 32).Conv(32, 3).Relu().Conv(33, 3).BatchNorm().Flatten().Dense(3);
        RequireSameModel(new TrainingOptions { Network = spec, Optimizer = optimizer, Epochs = 2, BatchSize = 19 }, Noise(spec, 57), ranks: [2, 3, 7], name);
    }

    [TestMethod]
    [DataRow(1, 1)]
    [DataRow(5, 5)]
    [DataRow(21, 7)]
    [DataRow(130, 130)]
    [DataRow(300, 150)]
    [DataRow(2600, 1300)]
    public void Batches_of_any_size_and_more_ranks_than_slices(int images, int batchSize) =>
        RequireSameModel(new TrainingOptions { Network = Small, Epochs = 1, BatchSize = batchSize }, SyntheticImages.Create(images, seed: 5), ranks: [2, 7, 18], $"{images} by {batchSize}");

    [TestMethod]
    public void Validation_early_stopping_weights_and_augmentation()
    {
        MemoryImageSource source = SyntheticImages.Create(90, seed: 1), validation = SyntheticImages.Create(50, seed: 2);
        RequireSameModel(new TrainingOptions
        {
            Network = Small,
            Epochs = 4,
            BatchSize = 32,
            LabelSmoothing = 0.1f,
            ClassWeights = [1, 2, 3],
            BalanceClasses = true,
            Augmentation = new AugmentationOptions { Shift = 0.1, HorizontalFlip = true, Mixup = 0.4, CutMix = 1 },
            EarlyStopping = new EarlyStopping(Patience: 1, Metric: EarlyStoppingMetric.Loss),
        }, source, ranks: [2, 4], "everything", validation);
    }

    [TestMethod]
    [DataRow(3, 32)]
    [DataRow(8, 64)]
    public void A_diagonal_from_some_of_the_examples(int side, int channels)
    {
        NetworkSpec spec = NetworkSpec.For(side, side, channels).Conv(channels, 3).Relu().Flatten().Dense(SyntheticImages.Classes);
        RequireSameModel(new TrainingOptions { Network = spec, Optimizer = new KfacOptions { DiagonalExamples = 7 }, Epochs = 2, BatchSize = 24 }, Noise(spec, 48), ranks: [2, 3], $"{side} x {side}");
    }

    [TestMethod]
    public void Photographs_with_a_whitening_layer_and_calibrated_probabilities()
    {
        NetworkSpec spec = NetworkSpec.PhotographCnn(new ImageShape(24, 24, 3), SyntheticImages.Classes);
        RequireSameModel(new TrainingOptions { Epochs = 1, BatchSize = 12, CalibrationFraction = 0.25 }, Noise(spec, 32), ranks: [2], "photographs");
    }

    [TestMethod]
    public void A_rank_reads_the_images_of_its_own_examples_only()
    {
        var sources = new CountingSource[3];
        ThreadRanks.Run(3, ranks =>
        {
            sources[ranks.Rank] = new CountingSource(SyntheticImages.Create(96, seed: 1));
            return Fit(new TrainingOptions { Network = Small, Optimizer = new SgdOptions(), Epochs = 2, BatchSize = 48, Communicator = ranks }, sources[ranks.Rank]);
        });

        // 4 batches of 48 in 8 slices of 6, of which the ranks have 3, 3 and 2; rank 0 has measured the scaling.
        CollectionAssert.AreEqual(new[] { 96 + 4 * 18, 4 * 18, 4 * 12 }, sources.Select(source => source.Reads).ToArray());
    }

    [TestMethod]
    [DataRow(3, 2)]
    [DataRow(2, 1)]
    [DataRow(1, 3)]
    public void Another_number_of_ranks_goes_on_from_a_checkpoint(int before, int after)
    {
        string folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            MemoryImageSource images = SyntheticImages.Create(96, seed: 1), validation = SyntheticImages.Create(50, seed: 2);
            var options = new TrainingOptions { Network = Small, Optimizer = new KfacOptions { Approximation = FisherApproximation.Ekfac, FactorUpdatePeriod = 1, InverseUpdatePeriod = 2 }, Epochs = 3, BatchSize = 32 };
            ImageClassifier expected = Fit(options, images, validation);
            options = options with { CheckpointPath = folder, CheckpointEvery = CheckpointInterval.Time(TimeSpan.Zero) };

            Assert.ThrowsExactly<IOException>(() => ThreadRanks.Run(before, ranks => Fit(options with
            {
                Communicator = ranks,
                OnBatch = report => { if (report is { Epoch: 2, Batch: 2 }) { throw new IOException("the power is gone"); } },
            }, images, validation)));
            var infos = new List<string>();
            ImageClassifier[] models = ThreadRanks.Run(after, ranks => Fit(options with { Communicator = ranks, OnInfo = infos.Add }, images, validation));

            Assert.ContainsSingle(infos.Where(info => info.StartsWith($"the training goes on from {folder}", StringComparison.Ordinal)));
            foreach (ImageClassifier model in models)
            {
                RequireEqual(expected, model, $"from {before} to {after} ranks");
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestMethod]
    public void Ranks_take_the_batch_that_all_have_memory_for()
    {
        var warnings = new List<string>();
        int[] agreed = ThreadRanks.Run(3, ranks => new TrainingRanks(ranks).AgreeOnBatchSize(ranks.Rank == 1 ? 40 : 64, ranks.Rank == 0 ? warnings.Add : null));

        CollectionAssert.AreEqual(new[] { 40, 40, 40 }, agreed);
        Assert.AreEqual("rank 1 has memory for steps of at most 40 images: all ranks take such ones", warnings.Single());
    }

    [TestMethod]
    public void Only_rank_0_reports_and_all_have_the_same_history()
    {
        int epochs = 0, batches = 0;
        ImageClassifier[] models = ThreadRanks.Run(2, ranks => Fit(new TrainingOptions
        {
            Network = Small,
            Epochs = 2,
            BatchSize = 20,
            Communicator = ranks,
            OnEpoch = _ => Interlocked.Increment(ref epochs),
            OnBatch = _ => Interlocked.Increment(ref batches),
        }, SyntheticImages.Create(40, seed: 1)));

        Assert.AreEqual(2, epochs);
        Assert.AreEqual(4, batches);
        CollectionAssert.AreEqual(models[0].History.ToArray(), models[1].History.ToArray());
    }

    [TestMethod]
    public void All_ranks_stop_where_one_is_cancelled()
    {
        ImageClassifier[] models = ThreadRanks.Run(3, ranks =>
        {
            using var cancellation = new CancellationTokenSource();
            return new ImageClassifierTrainer(new TrainingOptions
            {
                Network = Small,
                Epochs = 3,
                BatchSize = 20,
                Communicator = ranks,
                OnCancellation = CancellationOutcome.KeepBest,
                OnBatch = report => { if (report is { Epoch: 2, Batch: 1 }) { cancellation.Cancel(); } },
            }).Fit(SyntheticImages.Create(40, seed: 1), cancellation: cancellation.Token);
        });

        Assert.IsTrue(models.All(model => model.History.Count == 1));
        RequireEqual(models[0], models[1], "rank 1");
        RequireEqual(models[0], models[2], "rank 2");
    }

    [TestMethod]
    public void An_exception_on_one_rank_ends_all()
    {
        string[] ends = ThreadRanks.Run(3, ranks =>
        {
            IImageSource images = SyntheticImages.Create(96, seed: 1);
            try
            {
                Fit(new TrainingOptions { Network = Small, BatchSize = 48, Communicator = ranks }, ranks.Rank == 2 ? new CountingSource(images) { MaxReads = 40 } : images);
                return "no end";
            }
            catch (Exception end)
            {
                return $"{end.GetType().Name}: {end.Message}";
            }
        });

        CollectionAssert.AreEqual(new[] { "CommunicatorException: rank 2 failed: the disk is gone", "CommunicatorException: rank 2 failed: the disk is gone", "IOException: the disk is gone" }, ends);
    }

    [TestMethod]
    public void Ranks_that_were_given_something_else_are_named()
    {
        string[] ends = ThreadRanks.Run(3, ranks => Assert.ThrowsExactly<CommunicatorException>(() => Fit(new TrainingOptions
        {
            Network = Small,
            BatchSize = ranks.Rank == 1 ? 20 : 30,
            Communicator = ranks,
        }, SyntheticImages.Create(60, seed: 1))).Message);

        Assert.IsTrue(ends.All(end => end == "rank 1 differs from rank 0 in BatchSize: all ranks must have the same"), ends[0]);
    }

    private static void RequireSameModel(TrainingOptions options, IImageSource images, int[] ranks, string name, IImageSource? validation = null)
    {
        ImageClassifier expected = Fit(options with { Threads = 2 }, images, validation);
        foreach (int size in ranks)
        {
            ImageClassifier[] models = ThreadRanks.Run(size, communicator => Fit(options with { Threads = 1 + communicator.Rank % 2, Communicator = communicator }, images, validation));
            foreach ((int rank, ImageClassifier model) in models.Index())
            {
                RequireEqual(expected, model, $"{name}: rank {rank} of {size}");
            }
        }
    }

    private static void RequireEqual(ImageClassifier expected, ImageClassifier model, string what)
    {
        CollectionAssert.AreEqual(expected.Store.Values.Span.ToArray(), model.Store.Values.Span.ToArray(), what);
        Assert.AreEqual(expected.Temperature, model.Temperature, what);
        CollectionAssert.AreEqual(
            expected.History.Select(epoch => (epoch.TrainingLoss, epoch.TrainingAccuracy, epoch.ValidationLoss, epoch.ValidationAccuracy)).ToArray(),
            model.History.Select(epoch => (epoch.TrainingLoss, epoch.TrainingAccuracy, epoch.ValidationLoss, epoch.ValidationAccuracy)).ToArray(), what);
    }

    private static ImageClassifier Fit(TrainingOptions options, IImageSource images, IImageSource? validation = null) => new ImageClassifierTrainer(options).Fit(images, validation);

    private static MemoryImageSource Noise(NetworkSpec spec, int count)
    {
        var random = new Random(1);
        var source = new MemoryImageSource(spec.Input, spec.Output.Size);
        for (int n = 0; n < count; n++)
        {
            source.Add([.. Enumerable.Range(0, spec.Input.Size).Select(_ => (float)random.NextDouble())], n % spec.Output.Size);
        }

        return source;
    }

    /// <summary>Counts the images read, and fails at last.</summary>
    private sealed class CountingSource(IImageSource images) : IImageSource
    {
        public int Reads { get; private set; }

        public int MaxReads { get; init; } = int.MaxValue;

        public ImageShape Shape => images.Shape;

        public int ClassCount => images.ClassCount;

        public int Count => images.Count;

        public int GetLabel(int index) => images.GetLabel(index);

        public void ReadImage(int index, Span<float> pixels)
        {
            if (++Reads > MaxReads)
            {
                throw new IOException("the disk is gone");
            }

            images.ReadImage(index, pixels);
        }
    }
}
