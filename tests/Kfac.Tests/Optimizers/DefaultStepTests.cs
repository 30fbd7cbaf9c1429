using Kfac.Curvature;
using Kfac.Layers;
using Kfac.Memory;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Parallel;
using Kfac.Running;
using Kfac.Tests.Oracles;
using Kfac.Tests.Running;
using MathNet.Numerics.LinearAlgebra;
using MathNet.Numerics.LinearAlgebra.Double;

namespace Kfac.Tests.Optimizers;

/// <summary>K-FAC's default: ConvDiagonalFB to the power -1/2, a KL bound, Nesterov's momentum, orthogonal steps.</summary>
[TestClass]
public sealed class DefaultStepTests
{
    private const int Examples = 6;

    private static readonly int[] Labels = [0, 1, 2, 2, 1, 0];

    private static readonly string[] Orthogonal = ["conv2d_1/filter", "dense_1/weights"];

    [TestMethod]
    public void The_step_follows_its_formula()
    {
        const double Rate = 0.02, Factor = 0.5, Momentum = 0.8, Lambda = 0.03, Ema = 0.9, Decay = 0.1, Bound = 1e-4;
        using var workers = new Workers(2);
        Network network = Build(workers);
        Optimizer optimizer = new KfacOptions
        {
            LearningRate = (float)Rate,
            Momentum = (float)Momentum,
            Damping = (float)Lambda,
            EmaDecay = (float)Ema,
            WeightDecay = (float)Decay,
            NormConstraint = (float)Bound,
        }.Create(network, 1);
        Parameter[] parameters = [.. network.Parameters];
        double[][] values = Copy(parameters, p => p.Values), sum = [.. values.Select(v => new double[v.Length])], momentum = [.. values.Select(v => new double[v.Length])];
        double weight = 0;
        for (int step = 0; step < 3; step++)
        {
            Assert.IsNull(optimizer.Step(Labels, Factor).Recovery);
            double[][] gradients = Copy(parameters, p => p.Gradient), squares = Copy(parameters, p => p.SquaredGradient), root = new double[values.Length][];
            weight = Ema * weight + 1;
            for (int p = 0; p < values.Length; p++)
            {
                sum[p] = [.. sum[p].Zip(squares[p], (old, d) => Ema * old + d)];
                root[p] = [.. gradients[p].Zip(sum[p], (g, s) => g / Math.Sqrt(s / weight + Lambda))];
            }

            foreach (IGrouping<string, int> layer in Enumerable.Range(0, values.Length).GroupBy(p => parameters[p].Name.Split('/')[0]))
            {
                double product = Rate * Rate * layer.Sum(p => root[p].Zip(gradients[p], (v, g) => v * g).Sum());
                double scale = Math.Min(1, Math.Sqrt(Bound / 4 / product));
                foreach (int p in layer)
                {
                    momentum[p] = [.. momentum[p].Zip(root[p], (m, v) => Momentum * m + scale * v)];
                    double[] direction = [.. momentum[p].Zip(root[p], (m, v) => scale * v + Momentum * m)];
                    double[] move = Orthogonal.Contains(parameters[p].Name) ? Orthogonalized(direction, parameters[p].Shape[^1]) : direction;
                    double kept = parameters[p].Kind == ParameterKind.Weights ? 1 - Factor * Rate * Decay : 1;
                    values[p] = [.. values[p].Zip(move, (value, d) => kept * value - Factor * Rate * d)];
                }
            }
        }

        double[][] actual = Copy(parameters, p => p.Values);
        for (int p = 0; p < values.Length; p++)
        {
            for (int i = 0; i < values[p].Length; i++)
            {
                Assert.AreEqual(values[p][i], actual[p][i], 2e-5, $"{parameters[p].Name}, value {i}");
            }
        }
    }

    [TestMethod]
    public void Every_convolution_has_ConvDiagonalFB()
    {
        using var workers = new Workers(1);
        var network = new Network(
            NetworkSpec.For(8, 8, 4).Conv(4, 3).Relu().DepthwiseConv(3).Relu().Conv(8, 3, groups: 2, dilation: 2).Relu().Flatten().Dense(3), Examples, workers, trains: true);

        FisherBlock[] blocks = [.. new KfacOptions().Create(network, 1).Curvature!.Blocks];

        Assert.IsTrue(blocks[..3].All(block => block is ConvDiagonalFB { PreparedExponent: -0.5f }));
        CollectionAssert.AreEqual(new[] { "conv2d_1", "conv2d_2", "conv2d_3", "dense_1" }, blocks.Select(block => block.LayerName).ToArray());
    }

    [TestMethod]
    public void Other_approximations_come_with_settings_of_their_own()
    {
        KfacLayerSettings root = KfacLayerSettings.For(new KfacOptions(), FisherApproximation.Auto);
        KfacLayerSettings kronecker = KfacLayerSettings.For(new KfacOptions(), FisherApproximation.Kronecker);
        KfacLayerSettings natural = KfacLayerSettings.For(KfacOptions.NaturalGradient, FisherApproximation.Diagonal);
        KfacLayerSettings chosen = KfacLayerSettings.For(new KfacOptions { Damping = 0.5f, LearningRate = 0.25f }, FisherApproximation.Kronecker);

        Assert.AreEqual((-0.5f, NormConstraintKind.Spectral), (root.Exponent, root.Constraint));
        Assert.AreEqual((-1f, NormConstraintKind.KullbackLeibler), (kronecker.Exponent, kronecker.Constraint));
        Assert.AreEqual((-1f, NormConstraintKind.KullbackLeibler), (natural.Exponent, natural.Constraint));
        Assert.IsLessThan(kronecker.Damping, root.Damping);
        Assert.AreEqual((0.5f, 0.25f), (chosen.Damping, chosen.LearningRate), "what the user says holds for every block");
    }

    [TestMethod]
    public void Normalisations_move_without_a_bound_unless_the_options_say_otherwise()
    {
        using var workers = new Workers(1);
        Layer norm = new Network(NetworkSpec.For(4, 4, 2).Conv(4, 3).GroupNorm(2).Flatten().Dense(3), Examples, workers, trains: true).Layers[1];

        KfacLayerSettings free = KfacLayerSettings.For(new KfacOptions(), norm);
        KfacLayerSettings chosen = KfacLayerSettings.For(new KfacOptions { Damping = 0.5f, NormConstraint = 0.25f }, norm);

        Assert.AreEqual((1e-6f, float.PositiveInfinity), (free.Damping, free.NormConstraint));
        Assert.AreEqual((0.5f, 0.25f), (chosen.Damping, chosen.NormConstraint));
        Assert.AreEqual(KfacLayerSettings.For(KfacOptions.NaturalGradient, FisherApproximation.Auto), KfacLayerSettings.For(KfacOptions.NaturalGradient, norm));
    }

    [TestMethod]
    public void The_quadratic_model_and_its_damping_keep_the_natural_gradient()
    {
        foreach (KfacOptions options in (KfacOptions[])[new() { MomentumKind = KfacMomentumKind.QuadraticModel }, new() { DampingAdaptation = DampingAdaptation.LevenbergMarquardt }])
        {
            Assert.AreEqual(-1, KfacLayerSettings.For(options, FisherApproximation.Auto).Exponent);
        }
    }

    [TestMethod]
    public void A_small_damping_alone_is_accepted() => new KfacOptions { Damping = 1e-7f }.Validate();

    private static double[] Orthogonalized(double[] direction, int columns)
    {
        int rows = direction.Length / columns;
        Matrix<double> matrix = DenseMatrix.Create(rows, columns, (row, column) => direction[row * columns + column]);
        return (0.2 * Math.Sqrt(Math.Max(rows, columns)) * Matrices.Orthogonalize(matrix)).ToRowMajorArray();
    }

    private static double[][] Copy(Parameter[] parameters, Func<Parameter, ReadOnlySpan<float>> read) =>
        [.. parameters.Select(parameter => Array.ConvertAll(read(parameter).ToArray(), v => (double)v))];

    private static Network Build(Workers workers) =>
        NoiseNetwork.Build(NetworkSpec.For(5, 5, 2).Conv(4, 3).GroupNorm(2).Relu().MaxPool(2).Flatten().Dense(7).Relu().Dense(3), workers, Examples);
}
