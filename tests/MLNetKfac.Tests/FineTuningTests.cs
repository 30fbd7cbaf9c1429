using Kfac.Memory;
using Kfac.Models;
using Kfac.Networks;
using Kfac.Optimizers;
using Microsoft.ML;
using MLNetKfac.Tests.Data;

namespace MLNetKfac.Tests;

/// <summary><c>Fit(train, validation, previousModel)</c> for other classes, and with frozen layers.</summary>
[TestClass]
public sealed class FineTuningTests
{
    /// <summary>Every kind of layer with parameters, six in all.</summary>
    private static readonly NetworkSpec Network = NetworkSpec.For(Bars.Side, Bars.Side, 1)
        .Conv(8, 3).BatchNorm().Relu().MaxPool(2)
        .Residual(body => body.Conv(8, 3).GroupNorm(2).Relu())
        .Flatten().Dense(16).Relu().Dense(Bars.Kinds.Length);

    /// <summary>The same without the layer whose output depends on the batch.</summary>
    private static readonly NetworkSpec PlainNetwork = NetworkSpec.For(Bars.Side, Bars.Side, 1)
        .Conv(8, 3).Relu().MaxPool(2).Conv(8, 3).GroupNorm(2).Relu().Flatten().Dense(16).Relu().Dense(Bars.Kinds.Length);

    private readonly MLContext _context = new(seed: 1);

    public static IEnumerable<object[]> Optimizers =>
    [
        [new KfacOptions()], [new KfacOptions { Approximation = Kfac.Curvature.FisherApproximation.Kronecker }],
        [new MuonOptions { WeightDecay = 0.1f }], [new AdamOptions { WeightDecay = 0.1f }], [new SgdOptions { L2 = 0.1f }],
    ];

    [TestMethod]
    [DynamicData(nameof(Optimizers))]
    public void New_classes_are_learned_while_the_frozen_layers_keep_every_bit(OptimizerOptions optimizer)
    {
        KfacImageClassificationTransformer previous = Trainer(options => options.Epoch = 12).Fit(Bars.Load(_context, 150, 1));
        IDataView rows = Renamed(150, 2), others = Renamed(60, 3);

        KfacImageClassificationTransformer model = Trainer(options => (options.FrozenLayers, options.Optimizer, options.Epoch) = (^1, optimizer, 30)).Fit(rows, null, previous);

        CollectionAssert.AreEqual(new[] { "flat", "upright" }, model.Model.ClassNames!.ToArray());
        Assert.IsGreaterThan(0.9, _context.MulticlassClassification.Evaluate(model.Transform(others)).MicroAccuracy);
        Assert.AreEqual(2, model.Model.Parameters[^1].Length);
        AssertSame(previous, model, model.Model.Parameters.Count - 2);
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(3)]
    [DataRow(4)]
    [DataRow(5)]
    public void So_many_layers_keep_their_weights_and_the_next_one_does_not(int layers)
    {
        KfacImageClassificationTransformer previous = Trainer().Fit(Bars.Load(_context, 60, 1));
        string[] names = ["conv2d_1", "batchnorm_1", "conv2d_2", "groupnorm_1", "dense_1", "dense_2"];

        KfacImageClassificationTransformer model = Trainer(options => options.FrozenLayers = layers).Fit(Bars.Load(_context, 60, 2), null, previous);

        AssertSame(previous, model, previous.Model.Parameters.Count(parameter => names.AsSpan(0, layers).Contains(parameter.Name.Split('/')[0])));
        int next = Enumerable.Range(0, previous.Model.Parameters.Count).First(i => previous.Model.Parameters[i].Name.StartsWith(names[layers], StringComparison.Ordinal));
        CollectionAssert.AreNotEqual(previous.Model.Parameters[next].Values.ToArray(), model.Model.Parameters[next].Values.ToArray());
        CollectionAssert.AreEqual(previous.Model.Parameters.Select(parameter => parameter.Kind).ToArray(), model.Model.Parameters.Select(parameter => parameter.Kind).ToArray());
    }

    [TestMethod]
    public void Layers_behind_the_frozen_ones_take_the_step_that_they_take_without_them()
    {
        KfacImageClassificationTransformer previous = Trainer(options => options.Network = PlainNetwork).Fit(Bars.Load(_context, 60, 1));

        KfacImageClassificationTransformer[] models = Array.ConvertAll((Index[])[0, 3], frozen => Trainer(options =>
        {
            (options.Network, options.FrozenLayers, options.Optimizer) = (null, frozen, new SgdOptions());
            (options.Epoch, options.BatchSize, options.ParameterAveragingEpochs) = (1, 60, 0);
        }).Fit(Renamed(60, 2), null, previous));

        Parameter[] whole = Behind(models[0]), frozen = Behind(models[1]);
        Assert.HasCount(4, whole);
        for (int i = 0; i < whole.Length; i++)
        {
            CollectionAssert.AreEqual(whole[i].Values.ToArray(), frozen[i].Values.ToArray(), whole[i].Name);
        }

        static Parameter[] Behind(KfacImageClassificationTransformer model) => [.. model.Model.Parameters.Where(parameter => parameter.Name.StartsWith("dense", StringComparison.Ordinal))];
    }

    [TestMethod]
    public void A_fine_tuned_model_is_saved_loaded_and_trained_on()
    {
        using var folder = new TemporaryFolder();
        IDataView rows = Renamed(60, 2);
        KfacImageClassificationTransformer previous = Trainer().Fit(Bars.Load(_context, 60, 1));
        KfacImageClassificationTransformer Train(int epochs, KfacImageClassificationTransformer from) => Trainer(options =>
        {
            (options.Network, options.Epoch, options.FrozenLayers, options.SaveOptimizerState) = (null, epochs, 3, true);
            options.LearningRateScheduler = LearningRateSchedule.Constant;
        }).Fit(rows, null, from);
        _context.Model.Save(Train(2, previous), rows.Schema, folder.File("tuned.zip"));

        KfacImageClassificationTransformer loaded = KfacImageClassificationTransformer.FindIn(_context.Model.Load(folder.File("tuned.zip"), out _));

        CollectionAssert.AreEqual(Rows.Read(Train(2, previous).Transform(rows), "Score"), Rows.Read(loaded.Transform(rows), "Score"));
        CollectionAssert.AreEqual(TrainingTests.Weights(Train(4, previous)), TrainingTests.Weights(Train(2, loaded)));
    }

    [TestMethod]
    public void The_log_says_what_begins_anew_and_what_stays()
    {
        List<string> log = [];
        KfacImageClassificationTransformer previous = Trainer().Fit(Bars.Load(_context, 60, 1));
        _context.Log += (_, entry) => log.Add(entry.Message);

        KfacImageClassificationTransformer model = Trainer(options => options.FrozenLayers = 2).Fit(Renamed(60, 2), null, previous);

        StringAssert.Contains(string.Join('\n', log), "its last layer begins anew, for 2 classes in place of 3, and all others keep their weights");
        StringAssert.Contains(string.Join('\n', log), "2 layers keep the previous model's weights: conv2d_1, batchnorm_1");
        Assert.IsFalse(log.Exists(entry => entry.Contains("goes on with its weights alone", StringComparison.Ordinal)), "that is what was asked for");
        Assert.AreEqual(1, model.Model.TrainingHistory[0].Epoch);
    }

    [TestMethod]
    public void As_many_classes_of_other_names_begin_with_a_new_last_layer()
    {
        KfacImageClassificationTransformer previous = Trainer().Fit(Bars.Load(_context, 60, 1));
        IDataView rows = Label(_context.Data.LoadFromEnumerable(Bars.Make(60, 1).Select(bar => new Bar { Features = bar.Features, Kind = $"{bar.Kind} bar" })));

        KfacImageClassificationTransformer model = Trainer(options => (options.FrozenLayers, options.LearningRateScheduler, options.Epoch) = (^1, new Standstill(), 1)).Fit(rows, null, previous);

        AssertSame(previous, model, model.Model.Parameters.Count - 2);
        CollectionAssert.AreNotEqual(previous.Model.Parameters[^2].Values.ToArray(), model.Model.Parameters[^2].Values.ToArray());
    }

    [TestMethod]
    public void Frozen_layers_need_a_previous_model_and_one_layer_that_is_not()
    {
        IDataView rows = Bars.Load(_context, 30, 1);
        KfacImageClassificationTransformer previous = Trainer().Fit(rows);

        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => Trainer(options => options.FrozenLayers = 2).Fit(rows)).Message, "FrozenLayers is 2, but there is no previous model");
        foreach (Index tooMany in (Index[])[6, ^7])
        {
            StringAssert.Contains(
                Assert.ThrowsExactly<ArgumentException>(() => Trainer(options => options.FrozenLayers = tooMany).Fit(rows, null, previous)).Message,
                $"FrozenLayers is {tooMany}, but the network has 6 layers with parameters");
        }
    }

    [TestMethod]
    public void A_last_convolution_is_replaced_and_a_last_residual_block_is_not()
    {
        IDataView rows = Bars.Load(_context, 30, 1);
        ImageClassifier convolved = Trainer(options => options.Network = NetworkSpec.For(8, 8, 1).Conv(4, 3).Relu().Conv(3, 3).GlobalAveragePool()).Fit(rows).Model.Classifier;
        ImageClassifier residual = Trainer(options => options.Network = NetworkSpec.For(8, 8, 1).Flatten().Dense(3).Residual(body => body.Dense(3))).Fit(rows).Model.Classifier;

        ImageClassifier replaced = convolved.WithNewClasses(5);

        Assert.AreEqual(5, replaced.ClassCount);
        CollectionAssert.AreEqual(convolved.Parameters[1].Values.ToArray(), replaced.Parameters[1].Values.ToArray());
        StringAssert.Contains(Assert.ThrowsExactly<NotSupportedException>(() => residual.WithNewClasses(5)).Message, "the last layer can be replaced where it is a dense layer");
    }

    private static void AssertSame(KfacImageClassificationTransformer expected, KfacImageClassificationTransformer actual, int parameters)
    {
        for (int i = 0; i < parameters; i++)
        {
            CollectionAssert.AreEqual(expected.Model.Parameters[i].Values.ToArray(), actual.Model.Parameters[i].Values.ToArray(), expected.Model.Parameters[i].Name);
        }
    }

    private KfacImageClassificationTrainer Trainer(Action<KfacImageClassificationTrainer.Options>? change = null)
    {
        var options = new KfacImageClassificationTrainer.Options { Network = Network, Epoch = 2, BatchSize = 16, Seed = 1, Threads = 2 };
        change?.Invoke(options);
        return _context.MulticlassClassification.Trainers.KfacImageClassification(options);
    }

    /// <summary>Bars that lie or stand, under other names.</summary>
    private IDataView Renamed(int count, int seed) => Label(_context.Data.LoadFromEnumerable(
        Bars.Make(count, seed).Where(bar => bar.Kind != "leaning").Select(bar => new Bar { Features = bar.Features, Kind = bar.Kind == "lying" ? "flat" : "upright" })));

    private IDataView Label(IDataView rows) => _context.Transforms.Conversion.MapValueToKey("Label", nameof(Bar.Kind)).Fit(rows).Transform(rows);

    /// <summary>No steps at all.</summary>
    private sealed record Standstill : LearningRateSchedule
    {
        public override double Factor(double progress, double epochs) => 0;
    }
}
