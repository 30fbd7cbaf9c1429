using Kfac.Curvature;
using Kfac.Images;
using Kfac.Optimizers;
using Kfac.Training;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetKfac.Tests.Data;

namespace MLNetKfac.Tests;

[TestClass]
public sealed class TrainingTests
{
    private readonly MLContext _context = new(seed: 1);

    [TestMethod]
    public void The_engines_defaults_are_the_trainers()
    {
        var trainer = new KfacImageClassificationTrainer.Options();
        var engine = new TrainingOptions();

        Assert.AreEqual(engine, trainer.ToTrainingOptions(engine.Seed));
        Assert.IsInstanceOfType<KfacOptions>(trainer.Optimizer);
    }

    [TestMethod]
    public void The_learning_rate_option_outdoes_the_optimizers()
    {
        var options = new KfacImageClassificationTrainer.Options { Optimizer = new AdamOptions { LearningRate = 0.5f, Beta1 = 0.8f }, LearningRate = 0.25f };

        Assert.AreEqual(new AdamOptions { LearningRate = 0.25f, Beta1 = 0.8f }, options.ToTrainingOptions(1).Optimizer);
    }

    [TestMethod]
    public void Every_optimizer_learns()
    {
        OptimizerOptions[] optimizers =
        [
            new KfacOptions(), new AdamOptions { LearningRate = 0.01f }, new AdamOptions { LearningRate = 0.01f, WeightDecay = 0.01f },
            new SgdOptions(), new SgdOptions { Nesterov = true, L2 = 1e-4f }, new MuonOptions { LearningRate = 0.01f },
        ];
        foreach (OptimizerOptions optimizer in optimizers)
        {
            KfacImageClassificationTransformer model = Fit(options => options.Optimizer = optimizer);

            MulticlassClassificationMetrics metrics = _context.MulticlassClassification.Evaluate(model.Transform(Bars.Load(_context, 90, 2)));
            Assert.IsGreaterThan(0.85, metrics.MicroAccuracy, optimizer.GetType().Name);
        }
    }

    [TestMethod]
    public void The_same_seed_gives_the_same_bits_with_one_thread_and_with_two()
    {
        string[] one = Weights(Fit(options => options.Threads = 1));

        CollectionAssert.AreEqual(one, Weights(Fit(options => options.Threads = 1)));
        CollectionAssert.AreEqual(one, Weights(Fit(options => options.Threads = 2)));
        CollectionAssert.AreNotEqual(one, Weights(Fit(options => options.Seed = 2)));
    }

    [TestMethod]
    public void A_seeded_context_is_seed_enough()
    {
        string[] Train(int contextSeed)
        {
            var context = new MLContext(contextSeed);
            KfacImageClassificationTrainer.Options options = Bars.Options();
            options.Seed = null;
            KfacImageClassificationTrainer trainer = context.MulticlassClassification.Trainers.KfacImageClassification(options);
            string[] weights = Weights(trainer.Fit(Bars.Load(context, 30, 1)));
            CollectionAssert.AreEqual(weights, Weights(trainer.Fit(Bars.Load(context, 30, 1))));
            return weights;
        }

        CollectionAssert.AreEqual(Train(1), Train(1));
        CollectionAssert.AreNotEqual(Train(1), Train(2));
    }

    [TestMethod]
    public void The_callback_hears_of_every_step_and_every_epoch()
    {
        var heard = new List<KfacImageClassificationMetrics>();

        KfacImageClassificationTransformer model = Fit(options => options.MetricsCallback = heard.Add);

        // 180 images in steps of at most 16 are 12 steps.
        Assert.HasCount(6 * (12 + 1), heard);
        CollectionAssert.AreEqual(
            Enumerable.Range(1, 6).SelectMany(epoch => Enumerable.Range(1, 13).Select(step => step <= 12 ? $"{epoch}.{step}" : $"{epoch}")).ToArray(),
            heard.Select(metrics => metrics.Batch is { } batch ? $"{batch.Epoch}.{batch.Batch}" : $"{metrics.Epoch!.Epoch}").ToArray());
        Assert.IsTrue(heard.All(metrics => metrics.Batch is null != metrics.Epoch is null));
        CollectionAssert.AreEqual(model.Model.TrainingHistory.ToArray(), heard.Where(metrics => metrics.Epoch is not null).Select(metrics => metrics.Epoch).ToArray());
        Assert.IsGreaterThan(0.9, heard[^1].Epoch!.TrainingAccuracy);
    }

    [TestMethod]
    public void What_the_callback_throws_ends_the_training()
    {
        int calls = 0;

        Assert.ThrowsExactly<TimeZoneNotFoundException>(() => Fit(options => options.MetricsCallback = _ =>
        {
            calls++;
            throw new TimeZoneNotFoundException();
        }));

        Assert.AreEqual(1, calls);
    }

    [TestMethod]
    public void Cancelling_ends_the_training_after_the_step_at_work()
    {
        using var source = new CancellationTokenSource();
        int steps = 0;

        Assert.ThrowsExactly<OperationCanceledException>(() => Fit(options =>
        {
            options.CancellationToken = source.Token;
            options.MetricsCallback = _ =>
            {
                if (++steps == 3)
                {
                    source.Cancel();
                }
            };
        }));

        Assert.AreEqual(3, steps);
    }

    [TestMethod]
    public void A_cancelled_training_may_keep_what_it_has()
    {
        using var source = new CancellationTokenSource();

        KfacImageClassificationTransformer kept = Fit(options =>
        {
            options.CancellationToken = source.Token;
            options.OnCancellation = CancellationOutcome.KeepBest;
            options.MetricsCallback = metrics =>
            {
                if (metrics.Epoch?.Epoch == 3)
                {
                    source.Cancel();
                }
            };
        });

        Assert.HasCount(3, kept.Model.TrainingHistory);
        Assert.IsGreaterThan(0.5, _context.MulticlassClassification.Evaluate(kept.Transform(Bars.Load(_context, 90, 2))).MicroAccuracy);
    }

    [TestMethod]
    public void Three_epochs_and_three_more_are_six()
    {
        KfacImageClassificationTrainer.Options options = Bars.Options();
        options.LearningRateScheduler = LearningRateSchedule.Constant;
        options.Optimizer = new KfacOptions { Approximation = FisherApproximation.Diagonal, WeightDecay = 0.4f };
        IDataView rows = Bars.Load(_context, 90, 1);
        KfacImageClassificationTransformer whole = _context.MulticlassClassification.Trainers.KfacImageClassification(options).Fit(rows);
        options.Epoch = 3;
        KfacImageClassificationTrainer trainer = _context.MulticlassClassification.Trainers.KfacImageClassification(options);

        KfacImageClassificationTransformer continued = trainer.Fit(rows, null, trainer.Fit(rows));

        CollectionAssert.AreEqual(Weights(whole), Weights(continued));
        CollectionAssert.AreEqual(Enumerable.Range(1, 6).ToArray(), continued.Model.TrainingHistory.Select(report => report.Epoch).ToArray());
    }

    [TestMethod]
    public void Going_on_takes_the_previous_models_classes()
    {
        KfacImageClassificationTrainer trainer = _context.MulticlassClassification.Trainers.KfacImageClassification(Bars.Options());
        KfacImageClassificationTransformer previous = trainer.Fit(Bars.Load(_context, 30, 1));
        IDataView rows = _context.Data.LoadFromEnumerable(Bars.Make(30, 2).Reverse());
        IDataView otherOrder = _context.Transforms.Conversion.MapValueToKey("Label", nameof(Bar.Kind)).Fit(rows).Transform(rows);

        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => trainer.Fit(otherOrder, null, previous)).Message,
            "trainData: the keys of 'Label' must have the 3 values of the previous model's in the same order, but have 3 others");
    }

    [TestMethod]
    public void Augmentation_changes_the_training_images_and_they_are_the_same_each_time()
    {
        string[] plain = Weights(Fit(_ => { })), augmented = Weights(Fit(Augment));

        CollectionAssert.AreNotEqual(plain, augmented);
        CollectionAssert.AreEqual(augmented, Weights(Fit(Augment)));

        static void Augment(KfacImageClassificationTrainer.Options options) => options.Augmentation = new AugmentationOptions { Shift = 0.1, HorizontalFlip = true };
    }

    [TestMethod]
    public void A_cancelled_token_ends_the_training_before_the_second_row()
    {
        int rows = 0;
        IDataView bars = _context.Data.LoadFromEnumerable(Bars.Make(30, 1).Select(bar =>
        {
            rows++;
            return new Keyed { Features = bar.Features, Label = (uint)bar.Number % 3 + 1 };
        }));
        KfacImageClassificationTrainer.Options options = Bars.Options();
        options.CancellationToken = new CancellationToken(canceled: true);

        Assert.ThrowsExactly<OperationCanceledException>(() => _context.MulticlassClassification.Trainers.KfacImageClassification(options).Fit(bars));

        Assert.IsLessThanOrEqualTo(1, rows);
    }

    [TestMethod]
    public void Early_stopping_ends_when_nothing_gets_better_and_keeps_the_best_epoch()
    {
        // Nothing improves by more than 1, so the first epoch stays the best.
        KfacImageClassificationTransformer stopped = Fit(options =>
        {
            options.EarlyStoppingCriteria = new EarlyStopping(MinDelta: 1, Patience: 2);
            options.LearningRateScheduler = LearningRateSchedule.Constant;
            options.Optimizer = new KfacOptions { WeightDecay = 0.4f };
        });
        KfacImageClassificationTransformer first = Fit(options =>
        {
            options.ValidationSetFraction = 0.1f;
            (options.Epoch, options.LearningRateScheduler) = (1, LearningRateSchedule.Constant);
            options.Optimizer = new KfacOptions { WeightDecay = 0.4f };
        });

        Assert.HasCount(3, stopped.Model.TrainingHistory);
        CollectionAssert.AreEqual(Weights(first), Weights(stopped));
    }

    [TestMethod]
    public void Images_are_set_apart_only_where_something_depends_on_them()
    {
        Assert.IsNull(Fit(_ => { }).Model.TrainingHistory[^1].ValidationAccuracy);
        Assert.IsNull(Fit(options => options.ValidationSetFraction = 0).Model.TrainingHistory[^1].ValidationAccuracy);
        Assert.IsNotNull(Fit(options => options.ValidationSetFraction = 0.2f).Model.TrainingHistory[^1].ValidationAccuracy);
        Assert.IsNotNull(Fit(options => options.EarlyStoppingCriteria = new EarlyStopping()).Model.TrainingHistory[^1].ValidationAccuracy);
        Assert.IsNotNull(Fit(options => options.ValidationSet = Bars.Load(_context, 30, 2)).Model.TrainingHistory[^1].ValidationAccuracy);
    }

    [TestMethod]
    public void Validation_rows_are_not_trained_on()
    {
        IDataView train = Bars.Load(_context, 60, 1), validation = Bars.Load(_context, 30, 2);
        KfacImageClassificationTrainer trainer = _context.MulticlassClassification.Trainers.KfacImageClassification(Bars.Options());

        KfacImageClassificationTransformer validated = trainer.Fit(train, validation);

        CollectionAssert.AreEqual(Weights(trainer.Fit(train)), Weights(validated));
        double accuracy = _context.MulticlassClassification.Evaluate(validated.Transform(validation)).MicroAccuracy;
        Assert.AreEqual(accuracy, validated.Model.TrainingHistory[^1].ValidationAccuracy!.Value, 1e-9);
    }

    [TestMethod]
    public void Validation_labels_must_have_the_training_labels_keys()
    {
        IDataView train = Bars.Load(_context, 30, 1), rows = _context.Data.LoadFromEnumerable(Bars.Make(30, 2).Reverse());
        IDataView otherOrder = _context.Transforms.Conversion.MapValueToKey("Label", nameof(Bar.Kind)).Fit(rows).Transform(rows);
        KfacImageClassificationTrainer trainer = _context.MulticlassClassification.Trainers.KfacImageClassification(Bars.Options());

        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => trainer.Fit(train, otherOrder)).Message,
            "ValidationSet: the keys of 'Label' must have the 3 values of the training rows' in the same order, but have 3 others: map both by one MapValueToKey");
    }

    [TestMethod]
    public void Every_epoch_is_a_line_in_the_contexts_log()
    {
        var lines = new List<(string Message, ChannelMessageKind Kind)>();
        _context.Log += (_, e) =>
        {
            if (e.Source.Contains(nameof(KfacImageClassificationTrainer), StringComparison.Ordinal))
            {
                lines.Add((e.RawMessage, e.Kind));
            }
        };

        Fit(options => options.ValidationSetFraction = 0.1f);

        Assert.AreEqual(1, lines.Count(line => line == ("Training on 162 images of 8x8x1 in 3 classes, validating on 18", ChannelMessageKind.Info)));
        for (int epoch = 1; epoch <= 6; epoch++)
        {
            StringAssert.Matches(
                lines.Single(line => line.Message.StartsWith($"Epoch {epoch} of 6", StringComparison.Ordinal) && line.Kind == ChannelMessageKind.Info).Message,
                new(@": loss \d+\.\d{4}, accuracy \d\.\d{4}, validation loss \d+\.\d{4}, accuracy \d\.\d{4}, \d+ images/s$"));
        }

        Assert.IsFalse(lines.Any(line => line.Kind is ChannelMessageKind.Warning or ChannelMessageKind.Error));
    }

    [TestMethod]
    public void A_rescued_training_is_warned_of_in_the_log()
    {
        var warnings = new List<string>();
        _context.Log += (_, e) =>
        {
            if (e.Kind == ChannelMessageKind.Warning)
            {
                warnings.Add(e.RawMessage);
            }
        };

        // Steps as large as that overflow at once.
        Assert.ThrowsExactly<TrainingDivergedException>(() => Fit(options => options.Optimizer = new SgdOptions { LearningRate = 1e30f }));

        Assert.IsNotEmpty(warnings);
        StringAssert.StartsWith(warnings[0], "epoch 1, batch ");
    }

    private KfacImageClassificationTransformer Fit(Action<KfacImageClassificationTrainer.Options> change)
    {
        KfacImageClassificationTrainer.Options options = Bars.Options();
        change(options);
        return _context.MulticlassClassification.Trainers.KfacImageClassification(options).Fit(Bars.Load(_context, 180, 1));
    }

    internal static string[] Weights(KfacImageClassificationTransformer model) =>
        [.. model.Model.Parameters.Select(parameter => $"{parameter.Name} {string.Join(' ', parameter.Values.ToArray().Select(BitConverter.SingleToUInt32Bits))}")];

    private sealed class Keyed
    {
        [VectorType(Bars.Side * Bars.Side)]
        public float[] Features { get; set; } = [];

        [KeyType(3)]
        public uint Label { get; set; }
    }
}
