using Kfac.Layers;
using Kfac.Memory;
using Kfac.Networks;
using Kfac.Parallel;
using Kfac.Running;

namespace Kfac.Tests.Layers;

/// <summary>What is dropped, when, and that it stays dropped on the way back.</summary>
[TestClass]
public sealed class DropoutTests
{
    private const int Examples = 5;

    private const int Size = 20 * 10 * 3;

    [TestMethod]
    public void Elements_are_dropped_at_the_rate_and_the_others_scaled()
    {
        using var workers = new Workers(2);
        Network network = Build(NetworkSpec.For(20, 10, 3).Dropout(0.25f), workers);
        network.Forward(Examples, isTraining: true);
        float[] y = Outputs(network);
        Assert.IsTrue(y.All(v => v is 0 or 4f / 3));

        // 3,000 draws: four standard deviations of the share are 4 · sqrt(0.25 · 0.75 / 3000).
        Assert.AreEqual(0.25, y.Count(v => v == 0) / (double)y.Length, 0.032);
    }

    [TestMethod]
    public void Prediction_drops_nothing()
    {
        using var workers = new Workers(1);
        Network network = Build(NetworkSpec.For(20, 10, 3).Relu().Dropout(), workers);
        network.Forward(Examples);
        Assert.IsTrue(Outputs(network).All(v => v == 1));
    }

    [TestMethod]
    public void Every_pass_example_and_layer_has_its_own_mask_and_threads_change_nothing()
    {
        using Workers one = new(1), five = new(5);
        Network network = Build(NetworkSpec.For(20, 10, 3).Dropout().Relu().Dropout(), one), again = Build(network.Spec, five);
        network.Forward(Examples, isTraining: true);
        float[] first = Outputs(network);
        again.Forward(Examples, isTraining: true);
        CollectionAssert.AreEqual(first, Outputs(again));

        network.Forward(Examples, isTraining: true);
        CollectionAssert.AreNotEqual(first, Outputs(network), "another pass");
        again.TrainingPasses = 1;
        again.Forward(Examples, isTraining: true);
        CollectionAssert.AreEqual(Outputs(network), Outputs(again), "the same pass, gone on with");
        CollectionAssert.AreNotEqual(first[..Size], first[Size..(2 * Size)], "another example");

        // Two independent masks of a half keep a quarter; the same one twice would keep a half.
        Assert.AreEqual(0.25, first.Count(v => v > 0) / (double)first.Length, 0.032);
        Assert.IsTrue(first.All(v => v is 0 or 4), "another layer");
    }

    [TestMethod]
    public void Gradients_go_back_through_the_same_mask()
    {
        using var workers = new Workers(2);
        Network network = Build(NetworkSpec.For(1, 1, 6).Dense(8).Dropout(0.5f).Dense(3), workers);
        network.Forward(Examples, isTraining: true);
        Layer dropout = network.Layers[1];
        float[][] factors = [.. Enumerable.Range(0, Examples).Select(n => dropout.Output.Row(n, 0).ToArray())];
        float[][] inputs = [.. Enumerable.Range(0, Examples).Select(n => Expected(network.Layers[0], n))];
        for (int n = 0; n < Examples; n++)
        {
            network.LogitsGradient!.Write(n, [1, -2, 1]);
            for (int i = 0; i < 8; i++)
            {
                factors[n][i] = factors[n][i] == 0 ? 0 : 2;
                Assert.AreEqual(inputs[n][i] * factors[n][i], dropout.Output.Row(n, 0)[i], 1e-5);
            }
        }

        network.Backward(BackwardQuantities.Gradient | BackwardQuantities.SquaredGradient);
        ReadOnlySpan<float> weights = network.Parameters[2].Values, bias = network.Parameters[1].Gradient, squares = network.Parameters[1].SquaredGradient;
        for (int i = 0; i < 8; i++)
        {
            double gradient = weights[3 * i] - 2 * weights[3 * i + 1] + weights[3 * i + 2];
            Assert.AreEqual(factors.Average(factor => factor[i] * gradient), bias[i], 1e-5);
            Assert.AreEqual(factors.Average(factor => factor[i] * gradient * factor[i] * gradient), squares[i], 1e-4);
        }

        static float[] Expected(Layer dense, int example) => [.. Enumerable.Range(0, 8).Select(k => Enumerable.Range(0, 6).Sum(f => dense.Input.Row(example, 0)[f] * dense.Parameters[0].Values[f * 8 + k]) + dense.Parameters[1].Values[k])];
    }

    [TestMethod]
    public void JSON_and_refusals()
    {
        NetworkSpec spec = NetworkSpec.For(8, 8, 2).Dropout(0.125f).LeakyRelu(0.25f).Gelu().Add(new AveragePool2DSpec(2, 3, 1, 2)).GlobalAveragePool();
        Assert.AreEqual(spec, NetworkSpec.FromJson(spec.ToJson()));
        Assert.AreEqual(ImageShape.Flat(2), spec.Output);
        Refused(net => net.Dropout(1), "the rate of a dropout must be in [0, 1), but is 1");
        Refused(net => net.Dropout(float.NaN), "but is NaN");
        Refused(net => net.LeakyRelu(0), "the slope of a leaky ReLU must be between 0 and 1, but is 0");
        Refused(net => net.AveragePool(9), "a 9x9 window does not fit into an input of 8x8x2");
        Refused(net => net.Flatten().GlobalAveragePool(), "has made a vector of them");

        static void Refused(Func<NetworkSpec, NetworkSpec> add, string part) =>
            StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => add(NetworkSpec.For(8, 8, 2))).Message, part);
    }

    private static Network Build(NetworkSpec spec, Workers workers)
    {
        var network = new Network(spec, Examples, workers, trains: true);
        network.Initialize(1);
        for (int n = 0; n < Examples; n++)
        {
            network.Input.Write(n, [.. Enumerable.Repeat(1f, spec.Input.Size)]);
        }

        return network;
    }

    private static float[] Outputs(Network network)
    {
        var y = new float[Examples * Size];
        for (int n = 0; n < Examples; n++)
        {
            network.Logits.Read(n, y.AsSpan(n * Size, Size));
        }

        return y;
    }
}
