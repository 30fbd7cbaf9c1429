using Kfac.Curvature;
using Kfac.Memory;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Parallel;
using Kfac.Running;
using Kfac.Tests.Running;

namespace Kfac.Tests.Optimizers;

/// <summary>Single steps against their formulas, and what happens when the loss is not finite.</summary>
[TestClass]
public sealed class OptimizerTests
{
    private const int Examples = 4;

    private static readonly int[] Labels = [0, 1, 2, 1];

    [TestMethod]
    public void SGD_follows_its_formula()
    {
        using var workers = new Workers(1);
        Network network = Build(workers);
        var optimizer = (SgdOptimizer)new SgdOptions { LearningRate = 0.1f, Momentum = 0.5f, WeightDecay = 0.1f }.Create(network, 1);
        double[] values = Values(network), momentum = new double[values.Length];
        for (int step = 0; step < 3; step++)
        {
            optimizer.Step(Labels, 1);
            double[] gradient = Gradient(network);
            for (int i = 0; i < values.Length; i++)
            {
                momentum[i] = 0.5 * momentum[i] + gradient[i];
                values[i] = values[i] * (IsBias(network, i) ? 1 : 1 - 0.1 * 0.1) - 0.1 * momentum[i];
            }
        }

        AssertClose(values, Values(network));
    }

    [TestMethod]
    public void Nesterov_looks_ahead_by_its_formula()
    {
        using var workers = new Workers(1);
        Network network = Build(workers);
        Optimizer optimizer = new SgdOptions { LearningRate = 0.1f, Momentum = 0.5f, Nesterov = true }.Create(network, 1);
        double[] values = Values(network), momentum = new double[values.Length];
        for (int step = 0; step < 3; step++)
        {
            optimizer.Step(Labels, 1);
            double[] gradient = Gradient(network);
            for (int i = 0; i < values.Length; i++)
            {
                momentum[i] = 0.5 * momentum[i] + gradient[i];
                values[i] -= 0.1 * (gradient[i] + 0.5 * momentum[i]);
            }
        }

        AssertClose(values, Values(network));
    }

    [TestMethod]
    public void Adam_follows_its_formula()
    {
        using var workers = new Workers(1);
        Network network = Build(workers);
        Optimizer optimizer = new AdamOptions { LearningRate = 0.02f, Beta1 = 0.8f, Beta2 = 0.9f, Epsilon = 1e-3f }.Create(network, 1);
        double[] values = Values(network), mean = new double[values.Length], square = new double[values.Length];
        for (int step = 1; step <= 3; step++)
        {
            optimizer.Step(Labels, scheduleFactor: 0.5);
            double[] gradient = Gradient(network);
            for (int i = 0; i < values.Length; i++)
            {
                mean[i] = 0.8 * mean[i] + 0.2 * gradient[i];
                square[i] = 0.9 * square[i] + 0.1 * gradient[i] * gradient[i];
                values[i] -= 0.01 * mean[i] / (1 - Math.Pow(0.8, step)) / (Math.Sqrt(square[i] / (1 - Math.Pow(0.9, step))) + 1e-3);
            }
        }

        AssertClose(values, Values(network));
    }

    [TestMethod]
    [DataRow(float.PositiveInfinity, false, KfacMomentumKind.Regular, DisplayName = "without norm constraint")]
    [DataRow(float.PositiveInfinity, true, KfacMomentumKind.Nesterov, DisplayName = "without norm constraint, Nesterov")]
    [DataRow(1e-4f, false, KfacMomentumKind.Regular, DisplayName = "norm constraint")]
    [DataRow(1e-4f, true, KfacMomentumKind.Regular, DisplayName = "norm constraint per layer")]
    [DataRow(1e-4f, true, KfacMomentumKind.Nesterov, DisplayName = "norm constraint per layer, Nesterov")]
    public void KFAC_follows_its_recipe(float normConstraint, bool perLayer, KfacMomentumKind kind)
    {
        const double Rate = 0.1, Factor = 0.5, Damping = 0.02, Decay = 0.9, Momentum = 0.5;
        using var workers = new Workers(1);
        Network network = Build(workers);
        Optimizer optimizer = new KfacOptions { Exponent = -1, Constraint = NormConstraintKind.KullbackLeibler, LearningRate = (float)Rate, Damping = (float)Damping, EmaDecay = (float)Decay, Momentum = (float)Momentum, NormConstraint = normConstraint, NormConstraintPerLayer = perLayer, MomentumKind = kind, Approximation = FisherApproximation.Diagonal, FactorUpdatePeriod = 1 }.Create(network, 1);
        double[] values = Values(network), sum = new double[values.Length], momentum = new double[values.Length];
        double weight = 0;
        for (int step = 0; step < 3; step++)
        {
            optimizer.Step(Labels, Factor);
            double[] gradient = Gradient(network);
            double[] squares = [.. network.Parameters.SelectMany(parameter => parameter.SquaredGradient.ToArray()).Select(v => (double)v)];
            weight = Decay * weight + 1;
            sum = [.. sum.Zip(squares, (s, d) => Decay * s + d)];
            double[] natural = [.. gradient.Zip(sum, (g, s) => g / (s / weight + Damping))];
            int[] layerOf = [.. network.Layers.Where(layer => layer.Parameters.Count > 0).SelectMany((layer, l) => Enumerable.Repeat(perLayer ? l : 0, layer.Parameters.Sum(parameter => parameter.Length)))];
            int groups = layerOf.Max() + 1;
            for (int group = 0; group < groups; group++)
            {
                int[] members = [.. Enumerable.Range(0, values.Length).Where(i => layerOf[i] == group)];
                double norm = Rate * Rate * members.Sum(i => natural[i] * gradient[i]);
                double scale = Math.Min(1, Math.Sqrt(normConstraint / groups / norm));
                Assert.AreEqual(!float.IsInfinity(normConstraint), scale < 1, "the constraint is at work where there is one");
                foreach (int i in members)
                {
                    momentum[i] = Momentum * momentum[i] + scale * natural[i];
                    double direction = kind == KfacMomentumKind.Nesterov ? scale * natural[i] + Momentum * momentum[i] : momentum[i];
                    values[i] -= Factor * Rate * direction;
                }
            }
        }

        AssertClose(values, Values(network));
    }

    [TestMethod]
    public void Loss_that_is_not_finite_brings_back_the_last_good_parameters()
    {
        using var workers = new Workers(1);
        Network network = Build(workers);
        var optimizer = (KfacOptimizer)new KfacOptions { Damping = 0.01f }.Create(network, 1);
        optimizer.Step(Labels, 1);
        double[] good = Values(network);
        optimizer.Step(Labels, 1);
        network.Store.Values.Span[0] = float.NaN;
        network.Store.MarkChanged();

        StepReport report = optimizer.Step(Labels, 1);

        StringAssert.Contains(report.Recovery, "damping was raised from 0.01 to 0.04");
        CollectionAssert.AreEqual(good, Values(network));
        Assert.AreEqual(0.04f, optimizer.Damping);
        Assert.AreEqual(1, optimizer.Recoveries);
        Assert.IsNull(optimizer.Step(Labels, 1).Recovery, "and it goes on");
    }

    [TestMethod]
    [DynamicData(nameof(AllOptimizers))]
    public void Batch_that_is_always_NaN_ends_in_a_clear_exception(OptimizerOptions options)
    {
        using var workers = new Workers(1);
        Network network = Build(workers);
        Optimizer optimizer = options.Create(network, 1);
        double[] before = Values(network);
        network.Input.Row(0, 0)[0] = float.NaN;
        var told = new List<string?>();
        TrainingDivergedException failure = Assert.ThrowsExactly<TrainingDivergedException>(() =>
        {
            while (true)
            {
                told.Add(optimizer.Step(Labels, 1).Recovery);
            }
        });
        StringAssert.Contains(failure.Message, "training diverged: the loss was NaN, 6 times in a row");
        Assert.HasCount(5, told);
        Assert.IsTrue(told.All(text => text is not null));
        CollectionAssert.AreEqual(before, Values(network), "nothing that is not finite has come in");
    }

    [TestMethod]
    [DynamicData(nameof(AllOptimizers))]
    public void Weight_decay_shrinks_weights_and_leaves_biases_alone(OptimizerOptions options)
    {
        const double Decay = 0.5, Factor = 0.5;
        const double Rate = 0.01;
        OptimizerOptions undecayed = options with { LearningRate = (float)Rate, WeightDecay = 0 };
        (double[] before, double[] plain, _, bool[] isBias) = OneStep(undecayed, Factor);
        (_, double[] decayed, _, _) = OneStep(undecayed with { WeightDecay = (float)Decay }, Factor);
        AssertClose([.. before.Select((value, i) => plain[i] - (isBias[i] ? 0 : Factor * Rate * Decay * value))], decayed);
    }

    [TestMethod]
    [DynamicData(nameof(AllOptimizers))]
    public void L2_adds_the_weights_to_the_gradient_and_leaves_biases_alone(OptimizerOptions options)
    {
        (double[] before, double[] plain, double[] gradient, bool[] isBias) = OneStep(options, 1);
        (_, double[] regularised, double[] sum, _) = OneStep(options with { L2 = 0.1f }, 1);
        AssertClose([.. before.Select((value, i) => gradient[i] + (isBias[i] ? 0 : 0.1 * value))], sum);
        CollectionAssert.AreNotEqual(plain, regularised, "and it is used");
    }

    [TestMethod]
    public void Without_momentum_SGD_cannot_tell_L2_from_weight_decay()
    {
        SgdOptions options = new() { Momentum = 0 };
        AssertClose(OneStep(options with { WeightDecay = 0.1f }, 1).After, OneStep(options with { L2 = 0.1f }, 1).After);
    }

    [TestMethod]
    [DynamicData(nameof(FirstOrderOptimizers))]
    public void Gradient_that_is_not_finite_is_not_followed(OptimizerOptions options)
    {
        using var workers = new Workers(1);
        Network network = Build(workers);
        Optimizer optimizer = options.Create(network, 1);
        optimizer.Step(Labels, 1);

        // With a filter of zeros the loss does not see the image, but the filter's gradient does.
        network.Parameters[0].MutableValues.Clear();
        network.Store.MarkChanged();
        double[] before = Values(network);
        float[] image = [.. Enumerable.Repeat(1e36f, 50)];
        network.Input.Write(0, image);

        StringAssert.Contains(optimizer.Step(Labels, 1).Recovery, "the gradient was not finite: the last good parameters were restored, the learning rate is now multiplied by 0.5");
        CollectionAssert.AreEqual(before, Values(network));
        network.Input.Write(0, new float[50]);
        Assert.IsNull(optimizer.Step(Labels, 1).Recovery, "and it goes on");
        Assert.IsTrue(Values(network).All(double.IsFinite));
    }

    [TestMethod]
    [DynamicData(nameof(AllOptimizers))]
    public void Step_allocates_nothing(OptimizerOptions options)
    {
        using var workers = new Workers(1);
        Network network = Build(workers);
        Optimizer optimizer = (options with { WeightDecay = 0.01f, L2 = 0.01f }).Create(network, 1);
        for (int step = 0; step < 4; step++)
        {
            optimizer.Step(Labels, 1);
        }

        // K-FAC computes inverses at steps 1, 4 and 16, and MathNet allocates what it needs for them.
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int step = 0; step < 10; step++)
        {
            optimizer.Step(Labels, 1);
        }

        Assert.AreEqual(before, GC.GetAllocatedBytesForCurrentThread());
    }

    public static IEnumerable<object[]> FirstOrderOptimizers => [[new AdamOptions()], [new SgdOptions()], [new SgdOptions { Nesterov = true }], [new MuonOptions()]];

    public static IEnumerable<object[]> AllOptimizers => [[new KfacOptions()], .. FirstOrderOptimizers];

    /// <summary>All parameters before and after a first step, the gradient it went by, and which of them are biases.</summary>
    private static (double[] Before, double[] After, double[] Gradient, bool[] IsBias) OneStep(OptimizerOptions options, double scheduleFactor)
    {
        using var workers = new Workers(1);
        Network network = Build(workers);
        double[] before = Values(network);
        Assert.IsNull(options.Create(network, 1).Step(Labels, scheduleFactor).Recovery);
        return (before, Values(network), Gradient(network), [.. before.Select((_, i) => IsBias(network, i))]);
    }

    private static Network Build(Workers workers) =>
        NoiseNetwork.Build(NetworkSpec.For(5, 5, 2).Conv(4, 3).Relu().MaxPool(2).Flatten().Dense(3), workers, Examples);

    private static double[] Values(Network network) => [.. network.Parameters.SelectMany(parameter => parameter.Values.ToArray()).Select(v => (double)v)];

    private static double[] Gradient(Network network) => [.. network.Parameters.SelectMany(parameter => parameter.Gradient.ToArray()).Select(v => (double)v)];

    private static bool IsBias(Network network, int index)
    {
        foreach (Parameter parameter in network.Parameters)
        {
            if (index < parameter.Length)
            {
                return parameter.IsBias;
            }

            index -= parameter.Length;
        }

        throw new ArgumentOutOfRangeException(nameof(index));
    }

    /// <summary>Three steps in single precision, against the same in double.</summary>
    private static void AssertClose(double[] expected, double[] actual)
    {
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.AreEqual(expected[i], actual[i], 2e-5 * Math.Max(1, Math.Abs(expected[i])), $"value {i}");
        }
    }
}
