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

/// <summary>What the blocks make of convolutions with dilation and groups.</summary>
[TestClass]
public sealed class DilatedAndGroupedConvolutionTests
{
    private const int Examples = 4;

    private static readonly Conv2DSpec Dilated = new(4, 3, 2, 1, 2, Padding.Symmetric, DilationY: 2, DilationX: 3), Grouped = new(4, 3, 3, 2, 1, Groups: 2);

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Fused_statistics_are_those_of_the_public_path_and_of_the_definition(bool grouped)
    {
        Conv2DSpec spec = grouped ? Grouped : Dilated;
        using var workers = new Workers(2);
        (Network network, LayerCollection layers) = Run(spec, FisherApproximation.Diagonal, workers);
        var conv = (Conv2D)network.Layers[0];
        float[] fused = Diagonal((DiagonalFB)layers.Blocks[0]);

        network.Backward(BackwardQuantities.OutputGradients);
        double[] sum = new double[fused.Length];
        for (int n = 0; n < Examples; n++)
        {
            double[] ds = Read(conv.OutputGradient!, n);
            double[] own = [.. NaiveConvolution.FilterGradient(conv.Geometry, Read(conv.Input, n), ds), .. NaiveConvolution.BiasGradient(conv.Geometry, ds)];
            sum = [.. sum.Zip(own, (s, g) => s + g * g / Examples)];
        }

        ParameterTensors shapes = (Tensor.CreateFromShape<float>([.. conv.Filter.Shape.Select(size => (nint)size)]), Tensor.CreateFromShape<float>([4]));
        var alone = new ConvDiagonalFB(new LayerCollection(), shapes, [1, spec.StrideY, spec.StrideX, 1], spec.Padding, [1, spec.DilationY, spec.DilationX, 1]);
        Tensor<float> gradients = All(conv.OutputGradient!);
        alone.RegisterAdditionalMinibatch(All(conv.Input), gradients);
        alone.InstantiateFactors([[gradients]], 1);
        float[] publicPath = Diagonal(alone);
        for (int i = 0; i < fused.Length; i++)
        {
            Assert.AreEqual(sum[i], fused[i], 1e-5 * sum.Max(), $"fused, value {i}");
            Assert.AreEqual(sum[i], publicPath[i], 1e-5 * sum.Max(), $"public path, value {i}");
        }
    }

    [TestMethod]
    public unsafe void PatchesOfADilatedConvolutionGiveItsGradient()
    {
        using var workers = new Workers(1);
        (Network network, _) = Run(Dilated, FisherApproximation.Kronecker, workers);
        var conv = (Conv2D)network.Layers[0];
        LayerRows rows = BlockShape.Of(conv)!.Rows(conv.Input, conv.OutputGradient!);
        float[] patches = new float[rows.Locations * rows.PatchLength], gradients = new float[rows.Locations * rows.Outputs];
        fixed (float* p = patches, g = gradients)
        {
            for (int row = 0; row < rows.MapRows; row++)
            {
                rows.CopyPatches(1, row, p);
                rows.CopyGradients(1, row, g);
            }
        }

        double[] expected = NaiveConvolution.FilterGradient(conv.Geometry, Read(conv.Input, 1), Read(conv.OutputGradient!, 1));
        for (int i = 0; i < expected.Length; i++)
        {
            double sum = Enumerable.Range(0, rows.Locations).Sum(t => patches[t * rows.PatchLength + i / rows.Outputs] * gradients[t * rows.Outputs + i % rows.Outputs]);
            Assert.AreEqual(expected[i], sum, 1e-5 * expected.Max(Math.Abs), $"value {i}");
        }
    }

    [TestMethod]
    [DataRow(FisherApproximation.Kronecker)]
    [DataRow(FisherApproximation.Ekfac)]
    [DataRow(FisherApproximation.Full)]
    public void Blocks_that_cannot_serve_groups_are_refused_with_an_alternative(FisherApproximation approximation)
    {
        using var workers = new Workers(1);
        string message = Assert.ThrowsExactly<NotSupportedException>(() => Run(Grouped, approximation, workers)).Message;
        Assert.AreEqual($"no {approximation} block serves layer conv2d_1, a convolution in groups: choose Diagonal or NaiveDiagonal for it", message);
    }

    [TestMethod]
    public void Groups_are_served_by_the_diagonal_where_nothing_is_chosen()
    {
        using var workers = new Workers(1);
        Assert.IsInstanceOfType<ConvDiagonalFB>(Run(Grouped, FisherApproximation.Auto, workers).Layers.Blocks[0]);
    }

    [TestMethod]
    public void Wrong_dilations_and_channels_are_refused()
    {
        ParameterTensors shapes = Tensor.CreateFromShape<float>([2, 2, 2, 4]);
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => _ = new ConvDiagonalFB(new LayerCollection(), shapes, [1, 1, 1, 1], Padding.Same, [1, 0, 1, 1])).Message,
            "dilations must be [1, dy, dx, 1] with positive dy and dx, but are [1, 0, 1, 1]");
        var block = new ConvDiagonalFB(new LayerCollection(), shapes, [1, 1, 1, 1], Padding.Same);
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => block.RegisterAdditionalMinibatch(T(new float[12], 1, 2, 2, 3), T(new float[16], 1, 2, 2, 4))).Message,
            "inputs [N, H, W, C] must have shape [1, 2, 2, 2], but has [1, 2, 2, 3]");
    }

    private static (Network Network, LayerCollection Layers) Run(Conv2DSpec spec, FisherApproximation approximation, Workers workers)
    {
        int[] labels = [0, 1, 2, 0];
        var network = new Network(NetworkSpec.For(6, 5, 4).Add(spec).Relu().Flatten().Dense(3), Examples, workers, trains: true);
        var random = new Random(2);
        network.Initialize(seed: 1);
        for (int n = 0; n < Examples; n++)
        {
            network.Input.Write(n, [.. Enumerable.Range(0, 120).Select(_ => (float)random.NextGaussian())]);
        }

        var loss = new SoftmaxCrossEntropy(3, Examples);
        network.Forward(Examples, isTraining: true);
        loss.Forward(network.Logits, labels);
        var layers = new LayerCollection();
        layers.RegisterNetwork(network, _ => approximation);
        new FisherEstimator(network, loss, layers, EstimationMode.Empirical, seed: 1).UpdateCurvatureAndGradient(labels, step: 0);
        return (network, layers);
    }

    private static double[] Read(ActivationBuffer buffer, int example)
    {
        var values = new float[buffer.Shape.Size];
        buffer.Read(example, values);
        return Array.ConvertAll(values, v => (double)v);
    }

    private static Tensor<float> All(ActivationBuffer buffer)
    {
        ImageShape shape = buffer.Shape;
        float[] values = [.. Enumerable.Range(0, Examples).SelectMany(n => Read(buffer, n)).Select(v => (float)v)];
        return T(values, Examples, shape.Height, shape.Width, shape.Channels);
    }

    private static float[] Diagonal(DiagonalFB block)
    {
        var diagonal = new float[block.Factor.Length];
        block.Factor.GetCovariance(diagonal);
        return diagonal;
    }
}
