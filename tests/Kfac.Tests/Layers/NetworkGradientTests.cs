using Kfac.Layers;
using Kfac.Parallel;
using Kfac.Tests.Oracles;

namespace Kfac.Tests.Layers;

/// <summary>Scores, gradients and squared per-example gradients of whole networks, against double-precision definitions.</summary>
[TestClass]
public sealed class NetworkGradientTests
{
    /// <summary>Single precision over sums of at most a few hundred terms of size one.</summary>
    private const double Tolerance = 2e-4;

    private const int Examples = 5;

    private const int Classes = 3;

    public static IEnumerable<object[]> Networks =>
    [
        ["dense", NetworkSpec.For(1, 1, 7).Dense(Classes)],
        ["dense without bias", NetworkSpec.For(1, 1, 7).Add(new DenseSpec(4, UseBias: false)).Relu().Add(new DenseSpec(Classes, UseBias: false))],
        ["flatten and two dense", NetworkSpec.For(3, 2, 2).Flatten().Dense(9).Relu().Dense(Classes)],
        ["convolution", NetworkSpec.For(5, 4, 2).Conv(3, 3).Flatten().Dense(Classes)],
        ["convolution without bias", NetworkSpec.For(5, 4, 2).Add(new Conv2DSpec(3, 3, 3, UseBias: false)).Flatten().Dense(Classes)],
        ["VALID, even kernel", NetworkSpec.For(6, 5, 1).Conv(2, 2, padding: Padding.Valid).Relu().Flatten().Dense(Classes)],
        ["strides", NetworkSpec.For(7, 6, 1).Conv(3, 3, stride: 2).Relu().Conv(4, 2, stride: 2).Relu().Flatten().Dense(Classes)],
        ["unequal kernel and stride", NetworkSpec.For(6, 7, 2).Add(new Conv2DSpec(3, 1, 4, 1, 2)).Relu().Add(new Conv2DSpec(2, 4, 1, 2, 1)).Flatten().Dense(Classes)],
        ["relu, relu", NetworkSpec.For(4, 4, 1).Conv(3, 3).Relu().Relu().Conv(2, 3).Relu().Flatten().Relu().Dense(Classes)],
        ["starts with relu and pool", NetworkSpec.For(6, 6, 2).Relu().MaxPool(2).Conv(3, 3).Flatten().Dense(Classes)],
        ["pool", NetworkSpec.For(6, 6, 1).Conv(3, 3).MaxPool(2).Conv(4, 3).Relu().MaxPool(3).Flatten().Dense(5).Relu().Dense(Classes)],
        ["overlapping pool", NetworkSpec.For(7, 7, 1).Conv(2, 3).Relu().Add(new MaxPool2DSpec(3, 2, 2, 1)).Conv(3, 1).Flatten().Dense(Classes)],
        ["wide", NetworkSpec.For(4, 4, 1).Conv(17, 3).Relu().Conv(3, 3).Relu().MaxPool(2).Flatten().Dense(19).Relu().Dense(Classes)],
        ["ends in a convolution", NetworkSpec.For(3, 3, 2).Conv(Classes, 3, padding: Padding.Valid)],
    ];

    [TestMethod]
    [DynamicData(nameof(Networks))]
    public void ScoresAreTheDefinitions(string name, NetworkSpec spec)
    {
        using var workers = new Workers(2);
        (Network network, double[][] images, _) = Build(spec, workers);
        network.Forward(Examples);
        var oracle = new NaiveNetwork(network);
        for (int n = 0; n < Examples; n++)
        {
            AssertClose(oracle.Scores(images[n]), network.Logits.Row(n, 0), $"{name}, scores of example {n}");
        }
    }

    [TestMethod]
    [DynamicData(nameof(Networks))]
    public void GradientsAndTheirSquaresAreThoseOfFiniteDifferences(string name, NetworkSpec spec)
    {
        using var workers = new Workers(2);
        (Network network, double[][] images, int[] labels) = Build(spec, workers);
        var loss = new SoftmaxCrossEntropy(Classes, Examples);
        network.Forward(Examples);
        loss.Forward(network.Logits, labels);
        loss.WriteGradient(labels, network.LogitsGradient!);
        network.Backward(BackwardQuantities.Gradient | BackwardQuantities.SquaredGradient);

        var oracle = new NaiveNetwork(network);
        List<double[]>[] perExample = [.. Enumerable.Range(0, Examples).Select(n => oracle.Gradient(images[n], labels[n]))];
        for (int p = 0; p < network.Parameters.Count; p++)
        {
            Parameter parameter = network.Parameters[p];
            double[] mean = [.. Enumerable.Range(0, parameter.Length).Select(i => perExample.Average(g => g[p][i]))];
            double[] square = [.. Enumerable.Range(0, parameter.Length).Select(i => perExample.Average(g => g[p][i] * g[p][i]))];
            AssertClose(mean, parameter.Gradient, $"{name}, {parameter.Name}, gradient");
            AssertClose(square, parameter.SquaredGradient, $"{name}, {parameter.Name}, squared gradient");
        }
    }

    [TestMethod]
    public void HiddenGradientsReachEveryLayerAsOfTheSummedLoss()
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
        network.Backward(BackwardQuantities.Gradient);

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

    private static (Network Network, double[][] Images, int[] Labels) Build(NetworkSpec spec, Workers workers)
    {
        var random = new Random(7);
        var network = new Network(spec, Examples, workers, trains: true);
        network.Initialize(random);
        foreach (Parameter bias in network.Parameters.Where(parameter => parameter.IsBias))
        {
            foreach (ref float value in bias.MutableValues)
            {
                value = (float)(0.3 * random.NextGaussian());
            }
        }

        double[][] images = [.. Enumerable.Range(0, Examples).Select(_ => Enumerable.Range(0, spec.Input.Size).Select(_ => (double)(float)random.NextGaussian()).ToArray())];
        for (int n = 0; n < Examples; n++)
        {
            network.Input.Write(n, Array.ConvertAll(images[n], v => (float)v));
        }

        return (network, images, [.. Enumerable.Range(0, Examples).Select(n => n % Classes)]);
    }

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
