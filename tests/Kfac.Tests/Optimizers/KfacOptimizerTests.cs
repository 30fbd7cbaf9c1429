using Kfac.Curvature;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Parallel;
using Kfac.Running;
using Kfac.Tests.Running;

namespace Kfac.Tests.Optimizers;

/// <summary>K-FAC with every block, estimate, momentum and way to damp, on a network that is small enough to know all about.</summary>
[TestClass]
public sealed class KfacOptimizerTests
{
    internal const int Examples = 6;

    internal const int Classes = 3;

    internal static readonly int[] Labels = [0, 1, 2, 1, 0, 2];

    public static IEnumerable<object[]> Approximations => Enum.GetValues<FisherApproximation>().Select(approximation => new object[] { approximation });

    public static IEnumerable<object[]> Modes => Enum.GetValues<EstimationMode>().Select(mode => new object[] { mode });

    [TestMethod]
    [DynamicData(nameof(Approximations))]
    public void Learns_a_batch_by_heart_with_every_block(FisherApproximation approximation) =>
        AssertLearns(new KfacOptions { Approximation = approximation, InverseUpdatePeriod = 5 });

    [TestMethod]
    [DynamicData(nameof(Modes))]
    public void Learns_a_batch_by_heart_with_every_estimate(EstimationMode mode) =>
        AssertLearns(new KfacOptions { EstimationMode = mode, InverseUpdatePeriod = 5 });

    [TestMethod]
    public void Learns_a_batch_by_heart_in_every_other_way()
    {
        AssertLearns(new KfacOptions { MomentumKind = KfacMomentumKind.Gradient, InverseUpdatePeriod = 5 });
        AssertLearns(new KfacOptions { MomentumKind = KfacMomentumKind.QuadraticModel, InverseUpdatePeriod = 5, EstimationMode = EstimationMode.Exact });
        AssertLearns(new KfacOptions { DampingAdaptation = DampingAdaptation.LevenbergMarquardt, InverseUpdatePeriod = 5 });
        AssertLearns(new KfacOptions { DampingIsRelative = true, Damping = 0.3f, InverseUpdatePeriod = 5 });
        AssertLearns(new KfacOptions { InverseUpdatePeriod = 5, InverseDelay = 3 });
        AssertLearns(new KfacOptions { LayerApproximations = new Dictionary<string, FisherApproximation> { ["conv2d_1"] = FisherApproximation.Ekfac, ["dense_1"] = FisherApproximation.Full }, InverseUpdatePeriod = 5 });
    }

    [TestMethod]
    [DynamicData(nameof(Approximations))]
    public void Same_bits_for_any_number_of_threads(FisherApproximation approximation)
    {
        var options = new KfacOptions { Approximation = approximation, InverseUpdatePeriod = 4, InverseDelay = 2, FactorExamples = 3 };
        double[] alone = Train(options, threads: 1, steps: 12);
        CollectionAssert.AreEqual(alone, Train(options, threads: 2, steps: 12));
        CollectionAssert.AreEqual(alone, Train(options, threads: 5, steps: 12));
    }

    [TestMethod]
    public void Inverses_in_the_background_are_those_of_the_step_they_were_begun_at()
    {
        // With a period of 4 and a delay of 3, steps 1 ... 3 have the first step's inverse, 4 ... 6 still that, 7 the one of step 4.
        var late = new KfacOptions { Approximation = FisherApproximation.Kronecker, FactorUpdatePeriod = 1, InverseUpdatePeriod = 4, InverseDelay = 3 };
        KfacOptions never = late with { InverseUpdatePeriod = 1000, InverseDelay = 0 };
        KfacOptions at4 = late with { InverseDelay = 0 };
        CollectionAssert.AreEqual(Train(at4, 1, steps: 3), Train(late, 1, steps: 3));
        CollectionAssert.AreNotEqual(Train(at4, 1, steps: 4), Train(late, 1, steps: 4));
        CollectionAssert.AreNotEqual(Train(never, 1, steps: 7), Train(late, 1, steps: 7));
    }

    [TestMethod]
    public void Burn_in_leaves_the_parameters_alone()
    {
        var options = new KfacOptions { BurnInSteps = 3 };
        CollectionAssert.AreEqual(Train(options, 1, steps: 0), Train(options, 1, steps: 3));
        CollectionAssert.AreNotEqual(Train(options, 1, steps: 0), Train(options, 1, steps: 4));
    }

    [TestMethod]
    public void One_bound_for_all_layers_holds_where_the_first_is_a_normalisation()
    {
        using var workers = new Workers(1);
        double[] free = Step(new KfacOptions { NormConstraintPerLayer = false, Constraint = NormConstraintKind.None }), held = Step(new KfacOptions { NormConstraintPerLayer = false, Constraint = NormConstraintKind.KullbackLeibler, Exponent = -0.5f });

        Assert.IsLessThan(0.5 * Length(free), Length(held));

        double[] Step(KfacOptions options)
        {
            Network network = NoiseNetwork.Build(NetworkSpec.For(6, 5, 2).BatchNorm().Conv(4, 3).Relu().Flatten().Dense(Classes), workers, Examples, seed: 5);
            double[] before = Values(network);
            Assert.IsNull((options with { LearningRate = 1 }).Create(network, 1).Step(Labels, 1).Recovery);
            return [.. Values(network).Zip(before, (after, at) => after - at)];
        }

        static double Length(double[] step) => Math.Sqrt(step.Sum(value => value * value));
    }

    [TestMethod]
    public void L2_damps_the_layers_that_have_it()
    {
        using var workers = new Workers(1);
        Network network = NoiseNetwork.Build(NetworkSpec.For(6, 5, 2).BatchNorm().Conv(4, 3).Relu().Flatten().Dense(Classes), workers, Examples, seed: 5);
        var optimizer = (KfacOptimizer)new KfacOptions { L2 = 0.5f, Damping = 0.25f }.Create(network, 1);

        CollectionAssert.AreEqual(
            (string[])["batchnorm_1 0.25", "conv2d_1 0.75", "dense_1 0.75"],
            optimizer.Curvature!.Blocks.Select(block => FormattableString.Invariant($"{block.LayerName} {block.EffectiveDamping}")).ToArray());
    }

    [TestMethod]
    public void Layer_that_is_not_there_is_named_with_those_that_are()
    {
        using var workers = new Workers(1);
        var options = new KfacOptions { LayerApproximations = new Dictionary<string, FisherApproximation> { ["conv_7"] = FisherApproximation.Diagonal } };
        ArgumentException failure = Assert.ThrowsExactly<ArgumentException>(() => options.Create(Build(workers), 1));
        StringAssert.Contains(failure.Message, "names conv_7, but the network's layers with parameters are conv2d_1, conv2d_2, dense_1");
    }

    [TestMethod]
    public void Rescue_of_an_inverse_is_remarked_on()
    {
        using var workers = new Workers(1);
        Network network = Build(workers);
        Optimizer optimizer = new KfacOptions { Damping = 1e-30f, MinDamping = 1e-30f, Approximation = FisherApproximation.Full, NormConstraint = 1e-6f }.Create(network, 1);
        StepReport report = optimizer.Step(Labels, 1);
        Assert.IsNull(report.Recovery, "the step is taken all the same");
        StringAssert.Contains(string.Join("\n", report.Warnings), "the curvature of conv2d_1: a damping of 1E-30 left it");
        Assert.IsTrue(Values(network).All(double.IsFinite));
    }

    [TestMethod]
    public void Convolution_in_groups_has_a_diagonal_by_default_and_nothing_else()
    {
        using var workers = new Workers(1);
        NetworkSpec spec = NetworkSpec.For(5, 5, 2).Add(new Conv2DSpec(4, 3, 3, Groups: 2)).Relu().Flatten().Dense(Classes);
        var network = new Network(spec, Examples, workers, trains: true);
        network.Initialize(1);
        Assert.IsNull(new KfacOptions().Create(network, 1).Step(Labels, 1).Recovery);
        NotSupportedException failure = Assert.ThrowsExactly<NotSupportedException>(() => new KfacOptions { Approximation = FisherApproximation.Kronecker }.Create(network, 1));
        StringAssert.Contains(failure.Message, "no Kronecker block serves layer conv2d_1, a convolution in groups: choose Diagonal");
    }

    private static void AssertLearns(KfacOptions options)
    {
        using var workers = new Workers(2);
        Network network = Build(workers);
        Optimizer optimizer = options.Create(network, 1);
        double first = optimizer.Step(Labels, 1).LossSum;
        for (int step = 0; step < 150; step++)
        {
            optimizer.Step(Labels, 1);
        }

        double last = optimizer.Step(Labels, 1).LossSum;
        Assert.IsLessThan(0.3 * first, last, options.ToString());
        Assert.AreEqual(0, optimizer.Recoveries);
    }

    private static double[] Train(KfacOptions options, int threads, int steps)
    {
        using var workers = new Workers(threads);
        Network network = Build(workers);
        Optimizer optimizer = options.Create(network, 1);
        for (int step = 0; step < steps; step++)
        {
            optimizer.Step(Labels, 1);
        }

        return Values(network);
    }

    internal static Network Build(Workers workers, int seed = 5) =>
        NoiseNetwork.Build(NetworkSpec.For(6, 5, 2).Conv(4, 3).Relu().Conv(3, 2, stride: 2).Relu().Flatten().Dense(Classes), workers, Examples, seed);

    internal static double[] Values(Network network) => [.. network.Parameters.SelectMany(parameter => parameter.Values.ToArray()).Select(v => (double)v)];
}
