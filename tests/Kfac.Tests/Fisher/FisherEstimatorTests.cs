using System.Numerics.Tensors;
using Kfac.Fisher;
using Kfac.Layers;
using Kfac.Parallel;
using Kfac.Tests.Oracles;

namespace Kfac.Tests.Fisher;

/// <summary>What the trainer's fused passes feed the blocks, against the blocks' public path and the explicit Fisher.</summary>
[TestClass]
public sealed class FisherEstimatorTests
{
    private const int Examples = 6;

    private const int Classes = 3;

    private static readonly int[] Labels = [0, 1, 2, 0, 1, 2];

    [TestMethod]
    [DataRow(EstimationMode.Empirical)]
    [DataRow(EstimationMode.Gradients)]
    public void FusedStatisticsAreThoseOfThePublicPath(EstimationMode mode)
    {
        using var workers = new Workers(2);
        (Network network, SoftmaxCrossEntropy loss, LayerCollection layers) = Build(workers);
        var estimator = new FisherEstimator(network, loss, layers, mode, seed: 11);
        estimator.UpdateCurvatureAndGradient(Labels);
        if (mode == EstimationMode.Gradients)
        {
            // The estimator ends with the data's labels: bring back the gradients of the labels it sampled.
            var sampled = new int[Examples];
            loss.SampleLabels(new Random(11), sampled);
            loss.WriteGradient(sampled, network.LogitsGradient!);
            network.Backward(BackwardQuantities.Gradient);
        }

        foreach (DiagonalFB fused in layers.Blocks.Cast<DiagonalFB>())
        {
            InputOutputDiagonalFB block = PublicBlock(fused.Layer!);
            Tensor<float> inputs = Read(fused.Layer!.Input, block is FullyConnectedDiagonalFB), gradients = Read(fused.Layer.OutputGradient!, block is FullyConnectedDiagonalFB);
            block.RegisterAdditionalMinibatch(inputs, Tensor.CreateFromShape<float>(gradients.Lengths));
            block.InstantiateFactors([[gradients]], 1);
            AssertClose(Diagonal(block), Diagonal(fused), 1e-5, fused.Layer.Name);
        }
    }

    [TestMethod]
    public void SampledLabelsGiveTheTrueFisherOnAverage()
    {
        const int Draws = 4000;
        using var workers = new Workers(1);
        (Network network, SoftmaxCrossEntropy loss, _) = Build(workers);
        var oracle = new NaiveNetwork(network);
        var exact = network.Parameters.Select(parameter => new double[parameter.Length]).ToList();
        for (int n = 0; n < Examples; n++)
        {
            var image = new float[network.Spec.Input.Size];
            network.Input.Read(n, image);
            for (int c = 0; c < Classes; c++)
            {
                List<double[]> gradient = oracle.Gradient(Array.ConvertAll(image, v => (double)v), c);
                for (int p = 0; p < exact.Count; p++)
                {
                    for (int i = 0; i < exact[p].Length; i++)
                    {
                        exact[p][i] += loss.Probabilities(n)[c] * gradient[p][i] * gradient[p][i] / Examples;
                    }
                }
            }
        }

        // A decay just below 1 makes the average all but a plain mean over the draws.
        var layers = new LayerCollection { EmaDecay = 0.99999f };
        layers.RegisterNetwork(network, _ => FisherApproximation.Diagonal);
        var estimator = new FisherEstimator(network, loss, layers, EstimationMode.Gradients, seed: 3);
        for (int draw = 0; draw < Draws; draw++)
        {
            estimator.UpdateCurvatureAndGradient(Labels);
        }

        double[] estimate = [.. layers.Blocks.Cast<DiagonalFB>().SelectMany(block => Diagonal(block)).Select(v => (double)v)];
        double[] truth = [.. exact.SelectMany(values => values)];
        double error = Math.Sqrt(truth.Zip(estimate, (t, e) => (t - e) * (t - e)).Sum() / truth.Sum(t => t * t));
        // 6 x 4,000 draws of a quantity that varies about as much as its mean: 1/sqrt(24,000) is 0.6 %, times three.
        Assert.IsLessThan(0.02, error, "relative error in the Euclidean norm");
    }

    [TestMethod]
    public void StatisticThatIsNotFiniteIsLeftOutAndCounted()
    {
        using var workers = new Workers(1);
        (Network network, SoftmaxCrossEntropy loss, LayerCollection layers) = Build(workers);
        var estimator = new FisherEstimator(network, loss, layers, EstimationMode.Empirical, seed: 1);
        estimator.UpdateCurvatureAndGradient(Labels);
        float[][] before = [.. layers.Blocks.Cast<DiagonalFB>().Select(Diagonal)];
        network.Layers[0].Input.Row(0, 0)[0] = float.PositiveInfinity;
        estimator.UpdateCurvatureAndGradient(Labels);
        CollectionAssert.AreEqual(before[0], Diagonal((DiagonalFB)layers.Blocks[0]));
        Assert.AreEqual(1, estimator.Refused);
        Assert.AreEqual(1, ((DiagonalFB)layers.Blocks[0]).Factor.Refused);
    }

    private static (Network Network, SoftmaxCrossEntropy Loss, LayerCollection Layers) Build(Workers workers)
    {
        var random = new Random(2);
        NetworkSpec spec = NetworkSpec.For(5, 4, 1).Conv(3, 3).Relu().Conv(2, 2, stride: 2, Padding.Valid).Relu().Flatten().Dense(4).Relu().Dense(Classes);
        var network = new Network(spec, Examples, workers, trains: true);
        network.Initialize(random);
        for (int n = 0; n < Examples; n++)
        {
            network.Input.Write(n, [.. Enumerable.Range(0, 20).Select(_ => (float)random.NextGaussian())]);
        }

        var loss = new SoftmaxCrossEntropy(Classes, Examples);
        network.Forward(Examples);
        loss.Forward(network.Logits, Labels);
        var layers = new LayerCollection();
        layers.RegisterNetwork(network, _ => FisherApproximation.Diagonal);
        return (network, loss, layers);
    }

    private static InputOutputDiagonalFB PublicBlock(Layer layer)
    {
        ParameterTensors shapes = (Tensor.CreateFromShape<float>(Lengths(layer.Parameters[0])), Tensor.CreateFromShape<float>(Lengths(layer.Parameters[1])));
        return layer is Conv2D conv
            ? new ConvDiagonalFB(new LayerCollection(), shapes, [1, conv.Spec.StrideY, conv.Spec.StrideX, 1], conv.Spec.Padding)
            : new FullyConnectedDiagonalFB(new LayerCollection(), shapes);
    }

    private static nint[] Lengths(Parameter parameter) => [.. parameter.Shape.Select(size => (nint)size)];

    private static Tensor<float> Read(ActivationBuffer buffer, bool flat)
    {
        ImageShape shape = buffer.Shape;
        var values = new float[Examples * shape.Size];
        for (int n = 0; n < Examples; n++)
        {
            buffer.Read(n, values.AsSpan(n * shape.Size, shape.Size));
        }

        return flat ? Tensor.Create(values, [Examples, shape.Size]) : Tensor.Create(values, [Examples, shape.Height, shape.Width, shape.Channels]);
    }

    private static float[] Diagonal(DiagonalFB block)
    {
        var diagonal = new float[block.Factor.Length];
        block.Factor.GetCovariance(diagonal);
        return diagonal;
    }

    private static void AssertClose(float[] expected, float[] actual, double tolerance, string what)
    {
        double scale = expected.Max();
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.AreEqual(expected[i], actual[i], tolerance * scale, $"{what}, value {i}");
        }
    }
}
