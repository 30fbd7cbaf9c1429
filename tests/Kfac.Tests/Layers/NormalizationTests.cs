using Kfac.Layers;
using Kfac.Memory;
using Kfac.Models;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Parallel;
using Kfac.Running;
using Kfac.Tests.Images;
using Kfac.Tests.Oracles;
using Kfac.Training;

namespace Kfac.Tests.Layers;

/// <summary>Batch and group normalisation beyond their gradients: running statistics, prediction, files, refusals.</summary>
[TestClass]
public sealed class NormalizationTests
{
    private const int Examples = 4;

    [TestMethod]
    public void Running_statistics_follow_the_batches()
    {
        using var workers = new Workers(2);
        Network network = Build(NetworkSpec.For(2, 3, 2).BatchNorm(momentum: 0.625f).Flatten().Dense(2), workers, seed: 1);
        var norm = (BatchNorm)network.Layers[0];
        double[] mean = new double[2], variance = new double[2], kept = [0, 0.5, 0.625];
        for (int pass = 0; pass < 3; pass++)
        {
            double keep = kept[pass];
            Fill(network, seed: pass);
            for (int c = 0; c < 2; c++)
            {
                double[] values = [.. Enumerable.Range(0, Examples).SelectMany(n => Read(network.Input, n).Where((_, i) => i % 2 == c))];
                mean[c] = keep * mean[c] + (1 - keep) * values.Average();
                variance[c] = keep * variance[c] + (1 - keep) * values.Average(v => (v - values.Average()) * (v - values.Average()));
            }

            network.Forward(Examples, isTraining: true);
            network.Forward(Examples);
            for (int c = 0; c < 2; c++)
            {
                Assert.AreEqual(mean[c], norm.RunningMean.Values[c], 1e-6);
                Assert.AreEqual(variance[c], norm.RunningVariance.Values[c], 1e-6);
            }
        }
    }

    [TestMethod]
    public void Prediction_with_the_batchs_own_statistics_is_the_training_pass()
    {
        using var workers = new Workers(2);
        Network network = Build(NetworkSpec.For(4, 4, 2).Conv(3, 3).BatchNorm(momentum: 0).Relu().Flatten().Dense(2), workers, seed: 2);
        network.Forward(Examples, isTraining: true);
        double[][] training = Logits(network);
        network.Forward(Examples);
        AssertClose(training, Logits(network), 1e-5);
        network.Forward(1);
        AssertClose(training[..1], Logits(network)[..1], 1e-5);
    }

    [TestMethod]
    public void Group_normalisation_is_the_same_in_training_and_prediction()
    {
        using var workers = new Workers(1);
        Network network = Build(NetworkSpec.For(4, 4, 2).Conv(4, 3).GroupNorm(2).Relu().LayerNorm().Flatten().Dense(2), workers, seed: 3);
        network.Forward(Examples, isTraining: true);
        double[][] training = Logits(network);
        network.Forward(Examples);
        AssertClose(training, Logits(network), 0);
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Large_mean_costs_no_precision(bool batch)
    {
        using var workers = new Workers(1);
        NetworkSpec spec = NetworkSpec.For(8, 8, 1);
        Network network = Build(batch ? spec.BatchNorm() : spec.LayerNorm(), workers, seed: 4);
        for (int n = 0; n < Examples; n++)
        {
            network.Input.Write(n, [.. Enumerable.Range(0, 64).Select(i => 4096 + (i % 2 == 0 ? 1f : -1f))]);
        }

        network.Forward(Examples, isTraining: true);
        foreach (double y in Read(network.Logits, 0).Select(Math.Abs))
        {
            Assert.AreEqual(1, y, 1e-5);
        }
    }

    [TestMethod]
    public void Constant_channel_and_single_vector_give_the_shift()
    {
        using var workers = new Workers(1);
        Network network = Build(NetworkSpec.For(1, 1, 3).BatchNorm().LayerNorm(), workers, seed: 5);
        network.Layers[0].Parameters[1].MutableValues.Fill(2);
        network.Forward(1, isTraining: true);
        CollectionAssert.AreEqual(new double[3], Read(network.Logits, 0));
    }

    [TestMethod]
    public void Backward_pass_behind_a_prediction_takes_the_statistics_as_constants()
    {
        using var workers = new Workers(1);
        Network network = Build(NetworkSpec.For(3, 3, 1).Conv(2, 3).BatchNorm().Flatten().Dense(2), workers, seed: 6);
        network.Forward(Examples, isTraining: true);
        network.Forward(Examples);
        for (int n = 0; n < Examples; n++)
        {
            network.LogitsGradient!.Write(n, [1, -1]);
        }

        network.Backward(BackwardQuantities.Gradient);
        Parameter filter = network.Parameters[0];
        double[] gradient = Array.ConvertAll(filter.Gradient.ToArray(), v => (double)v);
        for (int i = 0; i < filter.Length; i++)
        {
            // The scores are linear in the filter, so that a large step has no error of its own.
            float value = filter.Values[i];
            Assert.AreEqual((Sum(value + 1) - Sum(value - 1)) / 2 / Examples, gradient[i], 1e-4, $"value {i}");
            _ = Sum(value);

            double Sum(float changed)
            {
                filter.MutableValues[i] = changed;
                network.Store.MarkChanged();
                network.Forward(Examples);
                return Logits(network).Sum(scores => scores[0] - scores[1]);
            }
        }
    }

    [TestMethod]
    public void Statistics_are_saved_but_neither_trained_nor_decayed()
    {
        var trainer = new ImageClassifierTrainer(new TrainingOptions
        {
            Network = NetworkSpec.For(8, 8, 1).Conv(4, 3).BatchNorm().Relu().MaxPool(4).Flatten().Dense(3),
            Optimizer = new KfacOptions { WeightDecay = 0.1f },
            BatchSize = 16,
            Epochs = 20,
        });
        ImageClassifier model = trainer.Fit(SyntheticImages.Create(120, 1), SyntheticImages.Create(30, 2));
        Assert.IsGreaterThan(0.9, model.History[^1].ValidationAccuracy!.Value);
        CollectionAssert.AreEqual(
            new[] { "conv2d_1/filter", "conv2d_1/bias", "batchnorm_1/scale", "batchnorm_1/shift", "batchnorm_1/mean", "batchnorm_1/variance", "dense_1/weights", "dense_1/bias" },
            model.Parameters.Select(parameter => parameter.Name).ToArray());
        Assert.IsTrue(model.Parameters[4].Gradient.ToArray().Concat(model.Parameters[5].Gradient.ToArray()).All(v => v == 0));

        using var stream = new MemoryStream();
        model.Save(stream);
        stream.Position = 0;
        CollectionAssert.AreEqual(Predict(model), Predict(ImageClassifier.Load(stream)));

        static float[] Predict(ImageClassifier model)
        {
            var pixels = new float[64];
            var probabilities = new float[3];
            SyntheticImages.Create(1, 3).ReadImage(0, pixels);
            using ImagePredictor predictor = model.CreatePredictor();
            predictor.Predict(pixels, probabilities);
            return probabilities;
        }
    }

    [TestMethod]
    public void Wrong_settings_are_refused_in_words()
    {
        Refused(net => net.BatchNorm(momentum: 1), "the momentum of a batch normalisation must be in [0, 1), but is 1");
        Refused(net => net.BatchNorm(momentum: float.NaN), "but is NaN");
        Refused(net => net.BatchNorm(epsilon: 0), "the epsilon of a normalisation must be a finite number above 0, but is 0");
        Refused(net => net.GroupNorm(4), "there are 4 groups and its input is 4x4x6");
        Refused(net => net.GroupNorm(0), "the number of groups must be at least 1, but is 0");

        static void Refused(Func<NetworkSpec, NetworkSpec> add, string part) =>
            StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => add(NetworkSpec.For(4, 4, 6))).Message, part);
    }

    [TestMethod]
    public void JSON_keeps_the_settings()
    {
        NetworkSpec spec = NetworkSpec.For(4, 4, 6).BatchNorm(0.5f, 0.25f).GroupNorm(3, 0.5f).LayerNorm();
        Assert.AreEqual(spec, NetworkSpec.FromJson(spec.ToJson()));
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void No_gradient_goes_through_values_that_are_all_the_same(bool isBatch)
    {
        NetworkSpec spec = NetworkSpec.For(3, 3, 2);
        for (int i = 0; i < 20; i++)
        {
            spec = isBatch ? spec.Conv(2, 1).BatchNorm() : spec.Conv(2, 1).GroupNorm(2);
        }

        using var workers = new Workers(2);
        Network network = Build(spec.Flatten().Dense(2), workers, seed: 3);
        for (int n = 0; n < Examples; n++)
        {
            network.Input.Write(n, [.. Enumerable.Repeat(0.5f, network.Spec.Input.Size)]);
        }

        var loss = new SoftmaxCrossEntropy(2, Examples);
        network.Forward(Examples, isTraining: true);
        loss.Forward(network.Logits, [0, 1, 0, 1]);
        loss.WriteGradient([0, 1, 0, 1], network.LogitsGradient!);
        network.Backward(BackwardQuantities.Gradient | BackwardQuantities.SquaredGradient);

        // By the formula, 20 of them make it 316^20 times as large.
        Assert.IsTrue(network.Parameters.SkipLast(4).All(parameter => parameter.Gradient.ToArray().Concat(parameter.SquaredGradient.ToArray()).All(value => value == 0)));
        Assert.IsTrue(network.Parameters[^1].SquaredGradient.ToArray().All(value => value > 0 && float.IsFinite(value)));
    }

    private static Network Build(NetworkSpec spec, Workers workers, int seed)
    {
        var network = new Network(spec, Examples, workers, trains: true);
        network.Initialize(seed);
        Fill(network, seed);
        return network;
    }

    private static void Fill(Network network, int seed)
    {
        var random = new Random(seed);
        for (int n = 0; n < Examples; n++)
        {
            network.Input.Write(n, [.. Enumerable.Range(0, network.Spec.Input.Size).Select(_ => (float)(3 + random.NextGaussian()))]);
        }
    }

    private static double[][] Logits(Network network) => [.. Enumerable.Range(0, Examples).Select(n => Read(network.Logits, n))];

    private static double[] Read(ActivationBuffer buffer, int example)
    {
        var values = new float[buffer.Shape.Size];
        buffer.Read(example, values);
        return Array.ConvertAll(values, v => (double)v);
    }

    private static void AssertClose(double[][] expected, double[][] actual, double tolerance)
    {
        foreach ((double[] e, double[] a) in expected.Zip(actual))
        {
            for (int i = 0; i < e.Length; i++)
            {
                Assert.AreEqual(e[i], a[i], tolerance);
            }
        }
    }
}
