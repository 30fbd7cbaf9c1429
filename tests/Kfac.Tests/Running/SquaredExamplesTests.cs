using Kfac.Kernels;
using Kfac.Layers;
using Kfac.Memory;
using Kfac.Networks;
using Kfac.Parallel;
using Kfac.Running;

namespace Kfac.Tests.Running;

/// <summary>Squared gradients of the first examples of a batch alone.</summary>
[TestClass]
public sealed class SquaredExamplesTests
{
    private const int Examples = 40, Squared = 11, Classes = 3;

    /// <summary>By batch; slice by slice; and by a kernel without Winograd's algorithm.</summary>
    private static readonly (NetworkSpec Spec, bool IsByBatch)[] Cases =
    [
        (NetworkSpec.For(3, 3, 32).Conv(32, 3).Relu().Flatten().Dense(Classes), true),
        (NetworkSpec.For(8, 8, 64).Conv(64, 3).Relu().Flatten().Dense(Classes), false),
        (NetworkSpec.For(8, 8, 2).Conv(4, 5).Relu().Flatten().Dense(Classes), false),
    ];

    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    [DataRow(2)]
    public void Squares_are_those_of_the_first_examples_and_gradients_those_of_all(int number)
    {
        (NetworkSpec spec, bool isByBatch) = Cases[number];
        Parameter[] some = Run(spec, Examples, Squared, threads: 2), all = Run(spec, Examples, int.MaxValue, threads: 2);
        Parameter[] first = Run(spec, Squared, int.MaxValue, threads: 2);

        var kernel = new ConvolutionKernel(Conv2D.GeometryOf((Conv2DSpec)spec.Layers[0], spec.Input));
        Assert.AreEqual(isByBatch, kernel.BatchSquares is not null);

        for (int p = 0; p < 2; p++)
        {
            AssertClose(all[p].Gradient, some[p].Gradient, $"gradient of {some[p].Name}");
            AssertClose(first[p].SquaredGradient, some[p].SquaredGradient, $"squares of {some[p].Name}");
        }

        AssertClose(all[2].SquaredGradient, some[2].SquaredGradient, "a dense layer's squares are those of all");
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    [DataRow(2)]
    public void Bits_are_the_same_for_any_number_of_threads(int number)
    {
        Parameter[] one = Run(Cases[number].Spec, Examples, Squared, threads: 1), three = Run(Cases[number].Spec, Examples, Squared, threads: 3);

        CollectionAssert.AreEqual(one[0].Gradient.ToArray(), three[0].Gradient.ToArray());
        CollectionAssert.AreEqual(one[0].SquaredGradient.ToArray(), three[0].SquaredGradient.ToArray());
    }

    private static Parameter[] Run(NetworkSpec spec, int examples, int squared, int threads)
    {
        using var workers = new Workers(threads);
        Network network = NoiseNetwork.Build(spec, workers, examples);
        network.Layers.OfType<Conv2D>().Single().SquaredExamples = squared;
        int[] labels = [.. Enumerable.Range(0, examples).Select(n => n % Classes)];
        var loss = new SoftmaxCrossEntropy(Classes, examples);
        network.Forward(examples, isTraining: true);
        loss.Forward(network.Logits, labels);
        loss.WriteGradient(labels, network.LogitsGradient!);
        network.Backward(BackwardQuantities.Gradient | BackwardQuantities.SquaredGradient);
        return [.. network.Parameters];
    }

    private static void AssertClose(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, string what)
    {
        float scale = 0;
        foreach (float value in expected)
        {
            scale = Math.Max(scale, Math.Abs(value));
        }

        for (int i = 0; i < expected.Length; i++)
        {
            Assert.AreEqual(expected[i], actual[i], 2e-4f * scale, $"{what}, value {i}");
        }
    }
}
