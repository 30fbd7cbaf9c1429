using Kfac.Layers;
using Kfac.Memory;
using Kfac.Networks;
using Kfac.Parallel;
using Kfac.Running;
using Kfac.Tests.Oracles;
using static Kfac.Tests.Running.NetworkCases;

namespace Kfac.Tests.Running;

/// <summary>Scores, gradients and squared per-example gradients of whole networks, against double-precision definitions.</summary>
[TestClass]
public sealed class NetworkGradientTests
{
    /// <summary>Single precision over sums of at most a few hundred terms of size one.</summary>
    private const double Tolerance = 2e-4;

    /// <summary>Of a large network's parameters so many are looked at: each takes two passes of the oracle.</summary>
    private const int LookedAt = 1000;

    [TestMethod]
    [DynamicData(nameof(Networks), typeof(NetworkCases))]
    public void Scores_are_the_definitions(string name, NetworkSpec spec)
    {
        using var workers = new Workers(2);
        (Network network, double[][] images, _) = Build(spec, workers);
        network.Forward(Examples, isTraining: true);
        double[][] scores = new NaiveNetwork(network).Scores(images);
        for (int n = 0; n < Examples; n++)
        {
            AssertClose(scores[n], network.Logits.Row(n, 0), $"{name}, scores of example {n}");
        }
    }

    [TestMethod]
    [DynamicData(nameof(Networks), typeof(NetworkCases))]
    public void Gradients_and_their_squares_are_those_of_finite_differences(string name, NetworkSpec spec)
    {
        using var workers = new Workers(2);
        (Network network, double[][] images, int[] labels) = Build(spec, workers);
        var loss = new SoftmaxCrossEntropy(Classes, Examples);
        network.Forward(Examples, isTraining: true);
        loss.Forward(network.Logits, labels);
        loss.WriteGradient(labels, network.LogitsGradient!);
        network.Backward(BackwardQuantities.Gradient | BackwardQuantities.SquaredGradient);

        int stride = Math.Max(1, network.Parameters.Sum(parameter => parameter.Length) / LookedAt);
        var oracle = new NaiveNetwork(network) { Stride = stride };
        List<double[]>[] perExample = [.. Enumerable.Range(0, Examples).Select(n => ExamplesMeet(spec.Layers) ? oracle.Gradient(images, labels, n) : oracle.Gradient(images[n], labels[n]))];
        for (int p = 0; p < network.Parameters.Count; p++)
        {
            Parameter parameter = network.Parameters[p];
            double[] mean = [.. Enumerable.Range(0, parameter.Length).Select(i => perExample.Average(g => g[p][i]))];
            double[] square = [.. Enumerable.Range(0, parameter.Length).Select(i => perExample.Average(g => g[p][i] * g[p][i]))];
            AssertClose(Sample(mean), Sample<float>(parameter.Gradient), $"{name}, {parameter.Name}, gradient");
            AssertClose(Sample(square), Sample<float>(parameter.SquaredGradient), $"{name}, {parameter.Name}, squared gradient");
        }

        T[] Sample<T>(ReadOnlySpan<T> values) => [.. values.ToArray().Where((_, i) => i % stride == 0)];
    }

    [TestMethod]
    public void Hidden_gradients_reach_every_layer_as_of_the_summed_loss()
    {
        // The gradient at the second convolution's input, seen as the image of a network that begins there.
        NetworkSpec tail = NetworkSpec.For(4, 4, 3).Conv(2, 3).Relu().Flatten().Dense(Classes);
        NetworkSpec whole = NetworkSpec.For(4, 4, 1).Conv(3, 3).Conv(2, 3).Relu().Flatten().Dense(Classes);
        using var workers = new Workers(1);
        (Network network, _, int[] labels) = Build(whole, workers);
        var loss = new SoftmaxCrossEntropy(Classes, Examples);
        network.Forward(Examples);
        loss.Forward(network.Logits, labels);
        loss.WriteGradient(labels, network.LogitsGradient!);
        network.Backward(BackwardQuantities.Gradient | BackwardQuantities.OutputGradients);

        var oracle = new NaiveNetwork(new Network(tail, Examples, workers, trains: false));
        for (int p = 0; p < oracle.Parameters.Count; p++)
        {
            network.Parameters[p + 2].Values.ToArray().Select(v => (double)v).ToArray().CopyTo(oracle.Parameters[p], 0);
        }

        Layer second = network.Layers[1];
        var hidden = new float[second.InputShape.Size];
        var gradient = new float[second.InputShape.Size];
        for (int n = 0; n < Examples; n++)
        {
            second.Input.Read(n, hidden);
            second.InputGradient!.Read(n, gradient);
            AssertClose(oracle.ImageGradient(Array.ConvertAll(hidden, v => (double)v), labels[n]), gradient, $"example {n}");
        }
    }

    private static bool ExamplesMeet(IEnumerable<LayerSpec> layers) =>
        layers.Any(layer => layer is BatchNormSpec || (layer is ResidualSpec residual && ExamplesMeet(residual.Body.Concat(residual.Shortcut))));

    private static void AssertClose(double[] expected, ReadOnlySpan<float> actual, string what)
    {
        Assert.AreEqual(expected.Length, actual.Length, what);
        double scale = Math.Max(1e-2, expected.Max(Math.Abs));
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.AreEqual(expected[i], actual[i], Tolerance * scale, $"{what}, value {i}");
        }
    }
}
