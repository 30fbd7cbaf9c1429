using Kfac.Curvature;
using Kfac.Images;
using Kfac.Models;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Tests.Images;
using Kfac.Training;

namespace Kfac.Tests.Training;

/// <summary>Trainings that go on where another one ended, or end before their time.</summary>
[TestClass]
public sealed class ContinuedTrainingTests
{
    private static readonly NetworkSpec Tiny = NetworkSpec.For(8, 8, 1).Conv(4, 3).BatchNorm().Relu().MaxPool(2).Flatten().Dropout(0.1f).Dense(SyntheticImages.Classes);

    public static IEnumerable<object[]> Optimizers =>
    [
        [new KfacOptions { Approximation = FisherApproximation.Diagonal }],
        [new KfacOptions { Approximation = FisherApproximation.Diagonal, FactorUpdatePeriod = 3, WeightDecay = 0.01f }],
        [new KfacOptions { Approximation = FisherApproximation.Kronecker, InverseUpdatePeriod = 7 }],
        [new KfacOptions { Approximation = FisherApproximation.Ekfac, InverseUpdatePeriod = 5, FactorUpdatePeriod = 3 }],
        [new KfacOptions { Approximation = FisherApproximation.Full, InverseUpdatePeriod = 100 }],
        [new KfacOptions { Approximation = FisherApproximation.Kronecker, InverseUpdatePeriod = 5, InverseDelay = 4 }],
        [new KfacOptions { Approximation = FisherApproximation.Ekfac, InverseUpdatePeriod = 5, InverseDelay = 4 }],
        [new KfacOptions { MomentumKind = KfacMomentumKind.QuadraticModel, DampingAdaptation = DampingAdaptation.LevenbergMarquardt }],
        [new KfacOptions { Averaging = AveragingConvention.TensorFlowR16, MomentumKind = KfacMomentumKind.Gradient, BurnInSteps = 14 }],
        [new KfacOptions { EstimationMode = EstimationMode.Gradients }],
        [new KfacOptions { EstimationMode = EstimationMode.CurvaturePropagation }],
        [new AdamOptions { LearningRate = 5e-3f }],
        [new SgdOptions()],
        [new MuonOptions()],
    ];

    [TestMethod]
    [DynamicData(nameof(Optimizers))]
    public void Two_and_two_epochs_are_four(OptimizerOptions optimizer)
    {
        TrainingOptions options = Options(optimizer) with { Augmentation = new AugmentationOptions { Shift = 0.2, HorizontalFlip = true } };
        ImageClassifier whole = Fit(options with { Epochs = 4 });
        ImageClassifier half = Fit(options with { Epochs = 2 });

        ImageClassifier continued = Fit(options with { Epochs = 2 }, half);
        ImageClassifier fromFile = Fit(options with { Epochs = 2 }, Reload(half, withOptimizerState: true));

        CollectionAssert.AreEqual(Weights(whole), Weights(fromFile));
        CollectionAssert.AreEqual(Weights(whole), Weights(continued));
        CollectionAssert.AreNotEqual(Weights(half), Weights(continued));
        CollectionAssert.AreEqual(whole.History.Select(Seen).ToArray(), continued.History.Select(report => Seen(report)).ToArray());
        CollectionAssert.AreEqual(continued.History.Select(report => report.Seconds).Order().ToArray(), continued.History.Select(report => report.Seconds).ToArray(), "training time counts on");

        static (int, double, double?) Seen(EpochReport report) => (report.Epoch, report.TrainingLoss, report.ValidationLoss);
    }

    [TestMethod]
    public void Another_optimizer_or_a_loaded_model_goes_on_with_the_weights_alone()
    {
        var warnings = new List<string>();
        TrainingOptions options = Options(new KfacOptions()) with { Epochs = 1, OnWarning = warnings.Add };
        ImageClassifier trained = Fit(options);

        Fit(options, trained);
        Assert.IsEmpty(warnings);
        ImageClassifier changed = Fit(options with { Optimizer = new AdamOptions() }, trained);
        ImageClassifier loaded = Fit(options, Reload(trained, withOptimizerState: false));

        CollectionAssert.AreEqual(Enumerable.Repeat("the previous model does not hold what this optimizer remembers: it goes on with its weights alone", 2).ToArray(), warnings);
        Assert.IsLessThan(trained.History[0].TrainingLoss, changed.History[1].TrainingLoss);
        Assert.IsLessThan(trained.History[0].TrainingLoss, loaded.History[1].TrainingLoss);
    }

    [TestMethod]
    [DataRow(90, 16)]
    [DataRow(16, 90)]
    public void Momentum_and_curvature_go_on_where_only_one_training_averages(int first, int then)
    {
        // The average looks back on a fifth of an epoch: one of a single step has none.
        var warnings = new List<string>();
        TrainingOptions options = Options(new KfacOptions()) with { Epochs = 1, BatchSize = 8, OnWarning = warnings.Add };
        ImageClassifier before = new ImageClassifierTrainer(options).Fit(SyntheticImages.Create(first, seed: 1));

        ImageClassifier after = new ImageClassifierTrainer(options).Fit(ImageSet.Of(SyntheticImages.Create(then, seed: 1)), null, before);

        Assert.IsEmpty(warnings);
        Assert.HasCount(2, after.History);
    }

    [TestMethod]
    public void After_early_stopping_a_training_goes_on_from_the_best_epoch()
    {
        var warnings = new List<string>();
        TrainingOptions options = Options(new SgdOptions()) with { OnWarning = warnings.Add, ParameterAveragingEpochs = 0 };
        ImageClassifier stopped = Fit(options with { Epochs = 3, EarlyStopping = new EarlyStopping(Patience: 1, MinDelta: 1) });

        ImageClassifier continued = Fit(options with { Epochs = 1, Optimizer = new SgdOptions { LearningRate = 1e-12f } }, stopped);

        Assert.HasCount(2, stopped.History, "nothing got better by more than 1");
        Assert.IsFalse(stopped.HasOptimizerState, "what the optimizer remembers goes with the last epoch");
        CollectionAssert.AreEqual(Trained(Fit(options with { Epochs = 1 })), Trained(stopped));
        CollectionAssert.AreEqual(Trained(stopped), Trained(continued));
        Assert.HasCount(1, warnings);

        static float[] Trained(ImageClassifier model) => [.. model.Parameters.Where(parameter => parameter.Kind == Kfac.Memory.ParameterKind.Weights).SelectMany(parameter => parameter.Values.ToArray())];
    }

    [TestMethod]
    public void A_loaded_models_running_statistics_go_on()
    {
        // Of images that are all brighter, a first step that forgets the past would take over the whole difference.
        TrainingOptions options = Options(new SgdOptions { LearningRate = 1e-9f }) with { Epochs = 3, ParameterAveragingEpochs = 0 };
        ImageClassifier trained = Fit(options);
        float before = Statistic(trained);

        float after = Statistic(Fit(options with { Epochs = 1 }, Reload(trained, withOptimizerState: false)));

        Assert.AreEqual(before, after, 0.2f * Math.Abs(before), "the average of the same images hardly changes");
        Assert.AreNotEqual(before, after);

        static float Statistic(ImageClassifier model) => model.Parameters.Single(parameter => parameter.Name == "batchnorm_1/variance").Values[0];
    }

    [TestMethod]
    public void The_previous_models_network_is_the_one() => StringAssert.Contains(
        Assert.ThrowsExactly<ArgumentException>(() => Fit(Options(new SgdOptions()) with { Network = NetworkSpec.For(8, 8, 1).Flatten().Dense(3) }, Fit(Options(new SgdOptions()) with { Epochs = 1 }))).Message,
        "Network is another than the previous model's");

    [TestMethod]
    public void Cancelled_training_may_keep_what_it_has()
    {
        // The third epoch is cut short: what is kept are the weights after its second step.
        using var source = new CancellationTokenSource();
        int steps = 0;
        TrainingOptions options = Options(new SgdOptions()) with { Epochs = 5 };
        ImageClassifier kept = Fit(
            options with
            {
                OnCancellation = CancellationOutcome.KeepBest,
                OnBatch = report =>
                {
                    steps++;
                    if (report is { Epoch: 3, Batch: 2 })
                    {
                        source.Cancel();
                    }
                },
            },
            cancellation: source.Token);

        Assert.AreEqual(2 * 6 + 2, steps);
        Assert.HasCount(2, kept.History);
        CollectionAssert.AreNotEqual(Weights(Fit(options with { Epochs = 2 })), Weights(kept));
    }

    [TestMethod]
    public void Cancelled_training_with_early_stopping_keeps_the_best_epoch()
    {
        using var source = new CancellationTokenSource();
        TrainingOptions options = Options(new SgdOptions()) with { Epochs = 5, EarlyStopping = new EarlyStopping(MinDelta: 1) };
        ImageClassifier kept = Fit(
            options with
            {
                OnCancellation = CancellationOutcome.KeepBest,
                OnEpoch = report =>
                {
                    if (report.Epoch == 3)
                    {
                        source.Cancel();
                    }
                },
            },
            cancellation: source.Token);

        Assert.HasCount(3, kept.History);
        CollectionAssert.AreEqual(Weights(Fit(options with { Epochs = 1 })), Weights(kept), "nothing got better by more than 1");
    }

    [TestMethod]
    public void Cancelled_before_the_first_step_there_is_nothing_to_keep() => Assert.ThrowsExactly<OperationCanceledException>(() =>
        Fit(Options(new SgdOptions()) with { OnCancellation = CancellationOutcome.KeepBest }, cancellation: new CancellationToken(canceled: true)));

    [TestMethod]
    public void Any_loss_is_better_than_none()
    {
        var stopping = new EarlyStopping(Metric: EarlyStoppingMetric.Loss);
        EpochReport ruined = new(1, 9, 1, 0.5, double.NaN, 0.3, 1, 1, 1, 0), fine = ruined with { Epoch = 2, ValidationLoss = 5 };

        Assert.IsTrue(stopping.IsBetter(fine, ruined));
        Assert.IsFalse(stopping.IsBetter(ruined, fine));
        Assert.IsFalse(stopping.IsBetter(ruined, ruined));
    }

    private static TrainingOptions Options(OptimizerOptions optimizer) =>
        new() { Network = Tiny, Optimizer = optimizer, BatchSize = 16, Threads = 2, Seed = 3, Schedule = LearningRateSchedule.Constant };

    private static ImageClassifier Fit(TrainingOptions options, ImageClassifier? previous = null, CancellationToken cancellation = default) => new ImageClassifierTrainer(options).Fit(
        ImageSet.Of(SyntheticImages.Create(90, seed: 1)), ImageSet.Of(SyntheticImages.Create(30, seed: 2)), previous, cancellation);

    private static ImageClassifier Reload(ImageClassifier model, bool withOptimizerState)
    {
        using var file = new MemoryStream();
        model.Save(file, withOptimizerState);
        file.Position = 0;
        ImageClassifier loaded = ImageClassifier.Load(file);
        Assert.AreEqual(withOptimizerState, loaded.HasOptimizerState);
        return loaded;
    }

    private static float[] Weights(ImageClassifier model) => [.. model.Parameters.SelectMany(parameter => parameter.Values.ToArray())];
}
