using Kfac.Curvature;
using Kfac.Layers;
using Kfac.Memory;
using Kfac.Networks;
using Kfac.Parallel;
using Kfac.Running;
using Kfac.Tests.Oracles;
using MathNet.Numerics.LinearAlgebra;

namespace Kfac.Tests.Curvature;

/// <summary>What the trainer's passes feed the blocks, against the blocks on their own and the explicit Fisher.</summary>
[TestClass]
public sealed class FisherEstimatorTests
{
    private const int Examples = 6;

    private const int Classes = 3;

    private const int Seed = 11;

    private const double Rounding = 1e-5;

    private static readonly int[] Labels = [0, 1, 2, 0, 1, 2];

    public static IEnumerable<object[]> ModesAndApproximations =>
        from mode in Enum.GetValues<EstimationMode>()
        from approximation in LayerCase.Approximations
        select new object[] { mode, approximation };

    [TestMethod]
    [DynamicData(nameof(ModesAndApproximations))]
    public void Fused_statistics_are_those_of_the_public_path(EstimationMode mode, FisherApproximation approximation)
    {
        using var workers = new Workers(2);
        (Network network, SoftmaxCrossEntropy loss) = Build(workers);
        LayerCollection layers = Register(network, approximation);
        Estimate(network, loss, layers, mode);
        LayerCase[] cases = ReadLayers(network, loss, layers, mode);
        foreach ((FisherBlock bound, LayerCase layer) in layers.Blocks.Zip(cases))
        {
            FisherBlock own = layer.Instantiated(approximation, damping: 0.01f);
            Matrices.AssertClose(layer.Matrix(own), layer.Matrix(bound), Rounding, layer.Name);
            // Rounding, magnified by the condition of the damped curvature.
            Matrices.AssertClose(layer.Matrix(own, inverse: true), layer.Matrix(bound, inverse: true), 2e-3, layer.Name);
        }
    }

    [TestMethod]
    [DynamicData(nameof(ModesAndApproximations))]
    public void Bits_do_not_depend_on_the_number_of_workers(EstimationMode mode, FisherApproximation approximation)
    {
        float[][] results = [.. new[] { 1, 2, 5 }.Select(count =>
        {
            using var workers = new Workers(count);
            (Network network, SoftmaxCrossEntropy loss) = Build(workers);
            LayerCollection layers = Register(network, approximation);
            Estimate(network, loss, layers, mode);
            return ReadLayers(network, loss, layers, mode).Zip(layers.Blocks).SelectMany(pair => pair.First.Apply(pair.Second, [.. Enumerable.Range(0, pair.First.Size).Select(i => MathF.Sin(i))], inverse: true)).ToArray();
        })];
        Assert.IsTrue(results[0].Any(value => value != 0));
        CollectionAssert.AreEqual(results[0], results[1]);
        CollectionAssert.AreEqual(results[0], results[2]);
    }

    [TestMethod]
    public void Exact_is_the_explicit_Fisher()
    {
        using var workers = new Workers(1);
        (Network network, SoftmaxCrossEntropy loss) = Build(workers);
        foreach (FisherApproximation approximation in new[] { FisherApproximation.Full, FisherApproximation.Diagonal, FisherApproximation.Ekfac })
        {
            LayerCollection layers = Register(network, approximation);
            Estimate(network, loss, layers, EstimationMode.Exact, damping: 0);
            LayerCase[] cases = ReadLayers(network, loss, layers, EstimationMode.Exact);
            for (int i = 0; i < cases.Length; i++)
            {
                Matrix<double> exact = ExplicitBlock(network, i), estimate = cases[i].Matrix(layers.Blocks[i]);
                Assert.AreEqual(exact.Trace(), estimate.Trace(), 1e-4 * exact.Trace(), $"{approximation}, {cases[i].Name}");
                if (approximation != FisherApproximation.Ekfac)
                {
                    // The network computes in single precision, the oracle by differences in double.
                    Matrices.AssertClose(approximation == FisherApproximation.Full ? exact : exact.DiagonalPart(), estimate, 1e-4, $"{approximation}, {cases[i].Name}");
                }
            }
        }
    }

    [TestMethod]
    public void Kronecker_is_exact_for_a_linear_network_whose_predictions_are_all_alike()
    {
        // Without ReLUs an output's derivative does not depend on the image, and with a first layer of zero weights
        // neither do the probabilities: G_n is the same for every example, and the mean of the product that of the factors.
        using var workers = new Workers(1);
        (Network network, SoftmaxCrossEntropy loss) = Build(workers, NetworkSpec.For(1, 1, 5).Dense(4).Dense(Classes), scaleOfFirst: 0);
        LayerCollection layers = Register(network, FisherApproximation.Kronecker);
        Estimate(network, loss, layers, EstimationMode.Exact, damping: 0);
        LayerCase[] cases = ReadLayers(network, loss, layers, EstimationMode.Exact);
        for (int i = 0; i < cases.Length; i++)
        {
            Matrices.AssertClose(ExplicitBlock(network, i), cases[i].Matrix(layers.Blocks[i]), 1e-4, cases[i].Name);
        }
    }

    [TestMethod]
    [DataRow(EstimationMode.Gradients, FisherApproximation.Diagonal)]
    [DataRow(EstimationMode.Gradients, FisherApproximation.Kronecker)]
    [DataRow(EstimationMode.Gradients, FisherApproximation.Ekfac)]
    [DataRow(EstimationMode.Gradients, FisherApproximation.Full)]
    [DataRow(EstimationMode.CurvaturePropagation, FisherApproximation.Diagonal)]
    [DataRow(EstimationMode.CurvaturePropagation, FisherApproximation.Kronecker)]
    [DataRow(EstimationMode.CurvaturePropagation, FisherApproximation.Ekfac)]
    [DataRow(EstimationMode.CurvaturePropagation, FisherApproximation.Full)]
    public void Estimates_give_the_true_Fisher_on_average(EstimationMode mode, FisherApproximation approximation)
    {
        const int Draws = 4000;
        using var workers = new Workers(1);
        (Network network, SoftmaxCrossEntropy loss) = Build(workers);
        LayerCollection exact = Register(network, approximation);
        Estimate(network, loss, exact, EstimationMode.Exact, damping: 0);

        // A decay just below 1 makes the average all but a plain mean over the draws.
        LayerCollection layers = Register(network, approximation, emaDecay: 0.99999f);
        var estimator = new FisherEstimator(network, loss, layers, mode, Seed);
        for (int draw = 1; draw <= Draws; draw++)
        {
            estimator.UpdateCurvatureAndGradient(Labels, draw);
            if (draw is Draws / 2)
            {
                RefreshInverses(layers, damping: 0);
            }
        }

        LayerCase[] cases = ReadLayers(network, loss, layers, mode);
        for (int i = 0; i < cases.Length; i++)
        {
            // Half of the draws (those since EKFAC's basis) times 6 examples, of a quantity that varies about as much as its
            // mean: 1/√12,000 is 0.9 %, times three; and EKFAC's basis is itself drawn, of eigenvalues that lie close together.
            Matrices.AssertClose(cases[i].Matrix(exact.Blocks[i]), cases[i].Matrix(layers.Blocks[i]), approximation == FisherApproximation.Ekfac ? 0.08 : 0.03, cases[i].Name);
        }
    }

    [TestMethod]
    public void EKFAC_begins_with_the_product_of_its_factors_and_forgets_it_with_the_first_moments()
    {
        using var workers = new Workers(1);
        (Network network, SoftmaxCrossEntropy loss) = Build(workers);
        LayerCollection kronecker = Register(network, FisherApproximation.Kronecker), ekfac = Register(network, FisherApproximation.Ekfac);
        Estimate(network, loss, kronecker, EstimationMode.Empirical, damping: 0);
        new FisherEstimator(network, loss, ekfac, EstimationMode.Empirical, Seed).UpdateCurvatureAndGradient(Labels, step: 0);
        RefreshInverses(ekfac, damping: 0);
        LayerCase[] cases = ReadLayers(network, loss, ekfac, EstimationMode.Empirical);
        for (int i = 0; i < cases.Length; i++)
        {
            Matrices.AssertClose(cases[i].Matrix(kronecker.Blocks[i]), cases[i].Matrix(ekfac.Blocks[i]), Rounding, cases[i].Name);
        }

        new FisherEstimator(network, loss, ekfac, EstimationMode.Empirical, Seed).UpdateCurvatureAndGradient(Labels, step: 0);
        for (int i = 0; i < cases.Length; i++)
        {
            Matrices.AssertClose(cases[i].Matrix(cases[i].Instantiated(FisherApproximation.Ekfac, damping: 0)), cases[i].Matrix(ekfac.Blocks[i]), Rounding, cases[i].Name);
        }
    }

    [TestMethod]
    [DynamicData(nameof(ModesAndApproximations))]
    public void Statistic_that_is_not_finite_is_left_out_and_counted(EstimationMode mode, FisherApproximation approximation)
    {
        using var workers = new Workers(1);
        (Network network, SoftmaxCrossEntropy loss) = Build(workers);
        LayerCollection layers = Register(network, approximation);
        Estimate(network, loss, layers, mode);
        LayerCase layer = ReadLayers(network, loss, layers, mode)[0];
        Matrix<double> before = layer.Matrix(layers.Blocks[0]);
        network.Layers[0].Input.Row(0, 0)[0] = float.PositiveInfinity;
        var estimator = new FisherEstimator(network, loss, layers, mode, Seed);
        estimator.UpdateCurvatureAndGradient(Labels, step: 0);
        Assert.AreEqual(0, Matrices.RelativeError(before, layer.Matrix(layers.Blocks[0])));
        Assert.IsGreaterThanOrEqualTo(1, estimator.Refused);
    }

    private static (Network Network, SoftmaxCrossEntropy Loss) Build(Workers workers, NetworkSpec? spec = null, float scaleOfFirst = 1)
    {
        var random = new Random(2);
        spec ??= NetworkSpec.For(5, 4, 1).Conv(3, 3).Relu().Conv(2, 2, stride: 2, Padding.Valid).Relu().Flatten().Dense(4).Relu().Dense(Classes);
        var network = new Network(spec, Examples, workers, trains: true);
        network.Initialize(seed: 1);
        foreach (Parameter bias in network.Parameters.Where(parameter => parameter.IsBias))
        {
            foreach (ref float value in bias.MutableValues)
            {
                value = (float)(0.3 * random.NextGaussian());
            }
        }

        foreach (ref float value in network.Parameters[0].MutableValues)
        {
            value *= scaleOfFirst;
        }

        network.Store.MarkChanged();
        for (int n = 0; n < Examples; n++)
        {
            network.Input.Write(n, [.. Enumerable.Range(0, spec.Input.Size).Select(_ => (float)random.NextGaussian())]);
        }

        var loss = new SoftmaxCrossEntropy(Classes, Examples);
        network.Forward(Examples);
        loss.Forward(network.Logits, Labels);
        return (network, loss);
    }

    private static LayerCollection Register(Network network, FisherApproximation approximation, float emaDecay = 0.95f)
    {
        var layers = new LayerCollection { EmaDecay = emaDecay, Workers = network.Workers };
        layers.RegisterNetwork(network, _ => approximation);
        return layers;
    }

    /// <summary>The same statistic twice: EKFAC's moments need a basis, which needs a first one.</summary>
    private static void Estimate(Network network, SoftmaxCrossEntropy loss, LayerCollection layers, EstimationMode mode, float damping = 0.01f)
    {
        new FisherEstimator(network, loss, layers, mode, Seed).UpdateCurvatureAndGradient(Labels, step: 0);
        RefreshInverses(layers, damping);
        new FisherEstimator(network, loss, layers, mode, Seed).UpdateCurvatureAndGradient(Labels, step: 0);
    }

    private static void RefreshInverses(LayerCollection layers, float damping)
    {
        foreach (FisherBlock block in layers.Blocks)
        {
            block.Damping = damping;
            block.RefreshInverse();
        }
    }

    /// <summary>Every layer with its inputs and the gradients at its outputs, by a plain backward pass for each source.</summary>
    private static LayerCase[] ReadLayers(Network network, SoftmaxCrossEntropy loss, LayerCollection layers, EstimationMode mode)
    {
        var sources = layers.Blocks.Select(_ => new List<float[][]>()).ToList();
        var random = new SplitMix64(Seed, RandomStream.CurvatureLabels);
        for (int source = 0; source < (mode == EstimationMode.Exact ? Classes : 1); source++)
        {
            switch (mode)
            {
                case EstimationMode.Gradients:
                    loss.WriteSampledGradient(random, Examples, network.LogitsGradient!);
                    break;
                case EstimationMode.Empirical:
                    loss.WriteGradient(Labels, network.LogitsGradient!);
                    break;
                case EstimationMode.CurvaturePropagation:
                    loss.WritePropagatedSigns(random, Examples, network.LogitsGradient!);
                    break;
                case EstimationMode.Exact:
                    loss.WriteFisherColumn(source, Examples, network.LogitsGradient!);
                    break;
            }

            network.Backward(BackwardQuantities.Gradient | BackwardQuantities.OutputGradients);
            for (int i = 0; i < layers.Blocks.Count; i++)
            {
                sources[i].Add(Read(layers.Blocks[i].Layer!.OutputGradient!));
            }
        }

        return [.. layers.Blocks.Select(block => block.Layer!).Zip(sources, (layer, gradients) => layer is Conv2D convolution
            ? new LayerCase(layer.Name, convolution.Spec, layer.InputShape, layer.OutputShape, HasBias: true, Read(layer.Input), [.. gradients])
            : new LayerCase(layer.Name, null, ImageShape.Flat(layer.InputShape.Size), layer.OutputShape, HasBias: true, Read(layer.Input), [.. gradients]))];
    }

    private static float[][] Read(ActivationBuffer buffer) => [.. Enumerable.Range(0, Examples).Select(n =>
    {
        var values = new float[buffer.Shape.Size];
        buffer.Read(n, values);
        return values;
    })];

    /// <summary>The explicit Fisher of the layer numbered <paramref name="layer"/>, which has weights and a bias as all others.</summary>
    private static Matrix<double> ExplicitBlock(Network network, int layer) => ExplicitFisher.Of(
        new NaiveNetwork(network), [.. Read(network.Input).Select(image => Array.ConvertAll(image, v => (double)v))], 2 * layer, 2 * layer + 1);
}
