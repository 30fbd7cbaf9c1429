using Kfac.Curvature;
using Kfac.Images;
using Kfac.Models;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Tests.Images;
using Kfac.Training;

namespace Kfac.Tests.Training;

/// <summary>Whole trainings on small pictures.</summary>
[TestClass]
public sealed class ImageClassifierTrainerTests
{
    private static readonly NetworkSpec Tiny = NetworkSpec.For(8, 8, 1).Conv(8, 3).Relu().MaxPool(2).Conv(8, 3).Relu().Flatten().Dense(SyntheticImages.Classes);

    public static IEnumerable<object[]> Optimizers =>
    [
        [new KfacOptions()],
        [new KfacOptions { EstimationMode = EstimationMode.Gradients }],
        [new KfacOptions { FactorUpdatePeriod = 3, WeightDecay = 0.01f }],
        [new KfacOptions { Averaging = AveragingConvention.TensorFlowR16 }],
        [new AdamOptions { LearningRate = 5e-3f }],
        [new AdamOptions { LearningRate = 5e-3f, WeightDecay = 0.01f }],
        [new SgdOptions()],
        [new SgdOptions { Nesterov = true, L2 = 1e-4f }],
        [new MuonOptions { LearningRate = 5e-3f }],
        [new MuonOptions { LearningRate = 5e-3f, WeightDecay = 0.01f }],
    ];

    [TestMethod]
    [DynamicData(nameof(Optimizers))]
    public void Every_optimizer_learns_the_pictures(OptimizerOptions optimizer)
    {
        ImageClassifier model = Train(Options(optimizer), epochs: 6);
        EpochReport first = model.History[0], last = model.History[^1];
        Assert.IsLessThan(0.5 * first.TrainingLoss, last.TrainingLoss, "the loss at least halves");
        Assert.IsGreaterThan(0.9, last.ValidationAccuracy!.Value, "pictures never seen are told apart");
        Assert.AreEqual(0, last.Recoveries);
    }

    [TestMethod]
    [DynamicData(nameof(Optimizers))]
    public void Same_seed_gives_the_same_bits_with_any_number_of_threads(OptimizerOptions optimizer)
    {
        float[] one = Weights(Train(Options(optimizer) with { Threads = 1 }, epochs: 2));
        float[] two = Weights(Train(Options(optimizer) with { Threads = 2 }, epochs: 2));
        float[] five = Weights(Train(Options(optimizer) with { Threads = 5 }, epochs: 2));
        float[] other = Weights(Train(Options(optimizer) with { Threads = 1, Seed = 4 }, epochs: 2));
        CollectionAssert.AreEqual(one, two);
        CollectionAssert.AreEqual(one, five);
        CollectionAssert.AreNotEqual(one, other);
    }

    [TestMethod]
    public void Large_batches_give_the_same_bits_with_any_number_of_threads_too()
    {
        // 240 images in one step are the most slices; 120 in each of two are some more than the fewest.
        foreach (int batch in (int[])[240, 120])
        {
            TrainingOptions options = Options(new KfacOptions()) with { BatchSize = batch };
            ImageClassifier one = Train(options with { Threads = 1 }, epochs: 6), five = Train(options with { Threads = 5 }, epochs: 6);
            CollectionAssert.AreEqual(Weights(one), Weights(five));
            Assert.IsLessThan(one.History[0].TrainingLoss, one.History[^1].TrainingLoss, "the slices' sums are a gradient");
        }
    }

    [TestMethod]
    public void Predictors_agree_with_each_other_whatever_their_batch_and_threads()
    {
        ImageClassifier model = Train(Options(new KfacOptions()), epochs: 1);
        MemoryImageSource images = SyntheticImages.Create(10, seed: 9);
        int size = SyntheticImages.Shape.Size;
        var pixels = new float[images.Count * size];
        for (int n = 0; n < images.Count; n++)
        {
            images.ReadImage(n, pixels.AsSpan(n * size, size));
        }

        var together = new float[images.Count * SyntheticImages.Classes];
        using ImagePredictor batch = model.CreatePredictor(batchCapacity: 16, threads: 2);
        batch.Predict(pixels, together);
        using ImagePredictor single = model.CreatePredictor();
        var alone = new float[SyntheticImages.Classes];
        for (int n = 0; n < images.Count; n++)
        {
            single.Predict(pixels.AsSpan(n * size, size), alone);
            CollectionAssert.AreEqual(together[(n * 3)..(n * 3 + 3)], alone);
            Assert.AreEqual(1, alone.Sum(), 1e-5);
        }
    }

    [TestMethod]
    public void Early_stopping_keeps_the_best_epoch()
    {
        // A learning rate that ruins everything after a while: the best epoch is not the last one.
        MemoryImageSource training = SyntheticImages.Create(90, seed: 1), validation = SyntheticImages.Create(60, seed: 2);
        var options = Options(new SgdOptions { LearningRate = 0.3f }) with { Epochs = 40, EarlyStopping = new EarlyStopping(Patience: 3), Schedule = LearningRateSchedule.Constant };
        ImageClassifier model = new ImageClassifierTrainer(options).Fit(training, validation);
        EpochReport best = model.History.MaxBy(report => report.ValidationAccuracy)!;
        Assert.IsLessThan(40, model.History.Count, "it stops early");
        Assert.AreEqual(best.Epoch + 3, model.History.Count, "after the patience is used up");
        Assert.AreEqual(best.ValidationAccuracy!.Value, Accuracy(model, validation), 1e-12, "with the best epoch's weights");
    }

    [TestMethod]
    public void Cancellation_ends_the_training()
    {
        using var source = new CancellationTokenSource();
        int steps = 0;
        TrainingOptions options = Options(new KfacOptions()) with
        {
            OnBatch = _ =>
            {
                if (++steps == 3)
                {
                    source.Cancel();
                }
            },
        };
        Assert.ThrowsExactly<OperationCanceledException>(() => new ImageClassifierTrainer(options).Fit(SyntheticImages.Create(90, 1), null, source.Token));
        Assert.AreEqual(3, steps);
    }

    [TestMethod]
    public void Reports_cover_every_image_once()
    {
        var batches = new List<BatchReport>();
        TrainingOptions options = Options(new SgdOptions()) with { Epochs = 2, BatchSize = 32, OnBatch = batches.Add };
        new ImageClassifierTrainer(options).Fit(SyntheticImages.Create(70, 1));
        Assert.HasCount(2 * 3, batches, "70 images in steps of at most 32 are 3 steps");
        CollectionAssert.AreEqual(new[] { 1, 2, 3, 1, 2, 3 }, batches.Select(batch => batch.Batch).ToArray());
        Assert.IsGreaterThan(batches[^1].LearningRate, batches[2].LearningRate, "the cosine falls");
    }

    [TestMethod]
    public void Batch_size_follows_the_number_of_images_unless_it_is_given()
    {
        Assert.AreEqual(64, new TrainingOptions { Epochs = 10 }.BatchSizeFor(19_999));
        Assert.AreEqual(128, new TrainingOptions { Epochs = 10 }.BatchSizeFor(20_000));
        Assert.AreEqual(64, new TrainingOptions { Epochs = 1 }.BatchSizeFor(99_999));
        Assert.AreEqual(128, new TrainingOptions { Epochs = 1 }.BatchSizeFor(100_000));
        Assert.AreEqual(32, new TrainingOptions { BatchSize = 32 }.BatchSizeFor(20_000));
    }

    [TestMethod]
    public void Last_step_that_ruins_the_parameters_is_taken_back()
    {
        // The only step of the training: a learning rate beyond all measure, and nobody sees the loss that follows.
        var options = Options(new SgdOptions { LearningRate = 3e38f }) with { Epochs = 1, BatchSize = 90, ParameterAveragingEpochs = 0, Schedule = LearningRateSchedule.Constant };
        ImageClassifier model = new ImageClassifierTrainer(options).Fit(SyntheticImages.Create(90, 1), SyntheticImages.Create(30, 2));
        Assert.IsTrue(Weights(model).All(float.IsFinite));
        Assert.IsTrue(double.IsFinite(model.History[0].ValidationLoss!.Value), "the report is of the parameters that came back");
        using var file = new MemoryStream();
        model.Save(file);
        file.Position = 0;
        CollectionAssert.AreEqual(Weights(model), Weights(ImageClassifier.Load(file)));
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(5)]
    [DataRow(6)]
    public void The_last_step_is_part_of_the_model(int steps)
    {
        float[][] weights = [.. ((float[])[0.01f, 0.02f]).Select(rate => Weights(new ImageClassifierTrainer(
            Options(new SgdOptions { LearningRate = rate }) with { Epochs = 1, BatchSize = 10, Schedule = LearningRateSchedule.Constant }).Fit(SyntheticImages.Create(10 * steps, 1), SyntheticImages.Create(30, 2))))];
        Assert.IsTrue(weights.All(values => values.All(float.IsFinite)));
        CollectionAssert.AreNotEqual(weights[0], weights[1]);
    }

    [TestMethod]
    public void The_reported_learning_rate_is_what_recoveries_left_of_it()
    {
        List<BatchReport> steps = [];
        var options = Options(new SgdOptions { LearningRate = 0.5f }) with { Epochs = 1, Schedule = new FirstStepTooLongSchedule(), OnBatch = steps.Add };

        EpochReport report = new ImageClassifierTrainer(options).Fit(SyntheticImages.Create(90, 1)).History[0];

        Assert.IsGreaterThan(0, report.Recoveries);
        Assert.AreEqual(0.5 * Math.Pow(0.5, report.Recoveries), report.LearningRate, "the schedule's factor is 1 at the end");
        Assert.AreEqual(report.LearningRate, steps[^1].LearningRate);
    }

    [TestMethod]
    public void Bad_options_and_data_are_refused_by_name()
    {
        Refused(Options(new KfacOptions { Damping = 0 }), "Damping must be positive and finite, but is 0");
        Refused(Options(new KfacOptions { EmaDecay = 1 }), "EmaDecay must be in [0, 1)");
        Refused(Options(new SgdOptions { LearningRate = float.NaN }), "LearningRate must be positive and finite, but is NaN");
        Refused(Options(new SgdOptions()) with { Epochs = -1 }, "Epochs must be 0 (chosen by the images) or more, but is -1");
        Refused(Options(new SgdOptions()) with { BatchSize = -1 }, "BatchSize");
        Refused(Options(new SgdOptions { L2 = -1 }), "L2 must be 0 or more and finite, but is -1");
        Refused(Options(new MuonOptions { Beta2 = 1 }), "Beta2 must be in [0, 1), but is 1");
        Refused(Options(new SgdOptions()) with { Schedule = new ExponentialSchedule(double.NaN, 1) }, "Rate must be in (0, 1], but is NaN");
        Refused(Options(new SgdOptions()) with { Schedule = new NegativeSchedule() }, "Schedule must give a factor of 0 or more, but NegativeSchedule");
        Refused(Options(new SgdOptions()) with { EarlyStopping = new EarlyStopping() }, "EarlyStopping watches validation images");
        Refused(Options(new SgdOptions()) with { Network = NetworkSpec.For(8, 8, 1).Flatten().Dense(4) }, "gives 4 outputs, but the images are 8x8x1 in 3 classes");
        Refused(Options(new SgdOptions()) with { Network = NetworkSpec.For(8, 8, 1) }, "the network has no layers");
        Refused(Options(new SgdOptions()) with { Network = NetworkSpec.For(8, 8, 1).Relu().Flatten() }, "the network has no layer with parameters");
        Refused(Options(new SgdOptions()) with { Network = NetworkSpec.For(8, 8, 1).Conv(3, 3) }, "gives a map of 8x8x3 where one value for each class is expected");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => new ImageClassifierTrainer(new TrainingOptions()).Fit(new MemoryImageSource(SyntheticImages.Shape, 3))).Message, "there are no images");

        static void Refused(TrainingOptions options, string message) => StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => new ImageClassifierTrainer(options).Fit(SyntheticImages.Create(9, 1))).Message, message);
    }

    private sealed record FirstStepTooLongSchedule : LearningRateSchedule
    {
        public override double Factor(double progress, double epoch) => epoch == 0 ? 3e38 : 1;
    }

    private sealed record NegativeSchedule : LearningRateSchedule
    {
        public override double Factor(double progress, double epoch) => -progress;
    }

    private static TrainingOptions Options(OptimizerOptions optimizer) => new() { Network = Tiny, Optimizer = optimizer, BatchSize = 16, Threads = 2, Seed = 3 };

    private static ImageClassifier Train(TrainingOptions options, int epochs) =>
        new ImageClassifierTrainer(options with { Epochs = epochs }).Fit(SyntheticImages.Create(240, seed: 1), SyntheticImages.Create(60, seed: 2));

    private static float[] Weights(ImageClassifier model) => [.. model.Parameters.SelectMany(parameter => parameter.Values.ToArray())];

    private static double Accuracy(ImageClassifier model, MemoryImageSource images)
    {
        using ImagePredictor predictor = model.CreatePredictor();
        var pixels = new float[images.Shape.Size];
        var probabilities = new float[images.ClassCount];
        int right = 0;
        for (int n = 0; n < images.Count; n++)
        {
            images.ReadImage(n, pixels);
            predictor.Predict(pixels, probabilities);
            right += Array.IndexOf(probabilities, probabilities.Max()) == images.GetLabel(n) ? 1 : 0;
        }

        return (double)right / images.Count;
    }
}
