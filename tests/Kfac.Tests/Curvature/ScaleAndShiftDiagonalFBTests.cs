using System.Numerics.Tensors;
using Kfac.Curvature;
using Kfac.Layers;
using Kfac.Memory;
using Kfac.Networks;
using Kfac.Parallel;
using Kfac.Running;
using Kfac.Tests.Oracles;
using static Kfac.Tests.Curvature.SeedCase;

namespace Kfac.Tests.Curvature;

/// <summary>The block of normalisations.</summary>
[TestClass]
public sealed class ScaleAndShiftDiagonalFBTests
{
    [TestMethod]
    public void Locations_are_summed_first_then_squared_then_averaged_over_examples()
    {
        // Two examples of 1 x 2 pixels and C = 2: sums of x̂·dy are (5, -1) and (0, 4), of dy (3, 0) and (-2, 2).
        var block = new ScaleAndShiftDiagonalFB(new LayerCollection(), (Tensor.CreateFromShape<float>([2]), Tensor.CreateFromShape<float>([2])));
        block.RegisterAdditionalMinibatch(T([1, 1, 2, 2, 1, 0, -1, 2], 2, 1, 2, 2), T(new float[8], 2, 1, 2, 2));
        block.InstantiateFactors([[T([1, 1, 2, -1, -1, 0, -1, 2], 2, 1, 2, 2)]], 1);
        CollectionAssert.AreEqual(new float[] { 12.5f, 8.5f, 6.5f, 2 }, Diagonal(block));
        ParameterTensors step = block.MultiplyInverse((T([1, 1], 2), T([1, 1], 2)));
        Assert.AreEqual(1 / 13.5f, step.Weights[0], 1e-7f);
        Assert.AreEqual(1 / 3f, step.Bias![1], 1e-7f);
    }

    [TestMethod]
    public void Wrong_shapes_are_refused()
    {
        var block = new ScaleAndShiftDiagonalFB(new LayerCollection(), Tensor.CreateFromShape<float>([2]));
        Refused(() => block.RegisterAdditionalMinibatch(T(new float[6], 1, 1, 2, 3), T(new float[6], 1, 1, 2, 3)), "inputs [N, H, W, C] must have shape [1, 1, 2, 2], but has [1, 1, 2, 3]");
        Refused(() => block.RegisterAdditionalMinibatch(T(new float[4], 1, 1, 2, 2), T(new float[4], 1, 2, 1, 2)), "outputs [N, H, W, C]");
        Refused(() => _ = new ScaleAndShiftDiagonalFB(new LayerCollection(), Tensor.CreateFromShape<float>([2, 2])), "the scale [C] must have 1 dimensions");
        Refused(() => _ = new ScaleAndShiftDiagonalFB(new LayerCollection(), (Tensor.CreateFromShape<float>([2]), Tensor.CreateFromShape<float>([3]))), "the shift must have shape [2]");

        static void Refused(Action action, string part) => StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(action).Message, part);
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Fused_statistics_are_those_of_the_public_path(bool batch)
    {
        const int Examples = 5;
        int[] labels = [0, 1, 2, 0, 1];
        using var workers = new Workers(2);
        NetworkSpec spec = NetworkSpec.For(3, 4, 2);
        var network = new Network((batch ? spec.BatchNorm() : spec.GroupNorm(2)).Relu().Flatten().Dense(3), Examples, workers, trains: true);
        var random = new Random(2);
        network.Initialize(seed: 1);
        for (int n = 0; n < Examples; n++)
        {
            network.Input.Write(n, [.. Enumerable.Range(0, 24).Select(_ => (float)random.NextGaussian())]);
        }

        var loss = new SoftmaxCrossEntropy(3, Examples);
        network.Forward(Examples, isTraining: true);
        loss.Forward(network.Logits, labels);
        var layers = new LayerCollection();
        layers.RegisterNetwork(network, _ => FisherApproximation.Auto);
        new FisherEstimator(network, loss, layers, EstimationMode.Empirical, seed: 1).UpdateCurvatureAndGradient(labels, step: 0);
        network.Backward(BackwardQuantities.OutputGradients);

        Layer layer = network.Layers[0];
        float[] x = Read(layer.Input), normalized = new float[x.Length];
        foreach (IGrouping<int, int> group in Enumerable.Range(0, x.Length).GroupBy(i => batch ? i % 2 : i / 24 * 2 + i % 2))
        {
            double mean = group.Average(i => x[i]), deviation = Math.Sqrt(group.Average(i => (x[i] - mean) * (x[i] - mean)) + 1e-5);
            foreach (int i in group)
            {
                normalized[i] = (float)((x[i] - mean) / deviation);
            }
        }

        var alone = new ScaleAndShiftDiagonalFB(new LayerCollection(), (Tensor.CreateFromShape<float>([2]), Tensor.CreateFromShape<float>([2])));
        alone.RegisterAdditionalMinibatch(T(normalized, Examples, 3, 4, 2), T(new float[x.Length], Examples, 3, 4, 2));
        alone.InstantiateFactors([[T(Read(layer.OutputGradient!), Examples, 3, 4, 2)]], 1);
        float[] expected = Diagonal(alone), actual = Diagonal((ScaleAndShiftDiagonalFB)layers.Blocks[0]);
        for (int i = 0; i < 4; i++)
        {
            Assert.AreEqual(expected[i], actual[i], 1e-5 * expected.Max(), $"value {i}");
        }

        float[] Read(ActivationBuffer buffer)
        {
            var values = new float[Examples * 24];
            for (int n = 0; n < Examples; n++)
            {
                buffer.Read(n, values.AsSpan(n * 24, 24));
            }

            return values;
        }
    }

    private static float[] Diagonal(DiagonalFB block)
    {
        var diagonal = new float[block.Factor.Length];
        block.Factor.GetCovariance(diagonal);
        return diagonal;
    }
}
