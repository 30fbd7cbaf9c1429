using Kfac.Curvature;
using Kfac.Memory;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Parallel;
using Kfac.Running;
using Kfac.Tests.Oracles;
using Kfac.Tests.Running;

namespace Kfac.Tests.Optimizers;

/// <summary>K-FAC with every block, estimate, momentum and way to damp, on a network that is small enough to know all about.</summary>
[TestClass]
public sealed class KfacOptimizerTests
{
    private const int Examples = 6;

    private const int Classes = 3;

    private static readonly int[] Labels = [0, 1, 2, 1, 0, 2];

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
    public void Quadratic_model_has_the_exact_Fisher_of_the_batch()
    {
        using var workers = new Workers(1);
        Network network = Build(workers, seed: 8); // no ReLU is about to turn
        var loss = new SoftmaxCrossEntropy(Classes, Examples);
        network.Forward(Examples, isTraining: true);
        loss.Forward(network.Logits, Labels);
        var model = new QuadraticModel(network, loss, new Chunks(workers, network.Store.Length));
        var random = new Random(7);
        AlignedBuffer[] directions = [Direction(network, random), Direction(network, random)];
        float[][] tangents = [new float[Examples * Classes], new float[Examples * Classes]];
        double[] before = Values(network);
        model.Tangent(directions[0].Span, Examples, tangents[0]);
        model.Tangent(directions[1].Span, Examples, tangents[1]);
        CollectionAssert.AreEqual(before, Values(network), "the parameters are as they were");

        var oracle = new NaiveNetwork(network);
        double[,] expected = new double[2, 2];
        for (int n = 0; n < Examples; n++)
        {
            var image = new float[network.Spec.Input.Size];
            network.Input.Read(n, image);
            for (int c = 0; c < Classes; c++)
            {
                List<double[]> gradient = oracle.Gradient(Array.ConvertAll(image, v => (double)v), c);
                double[] along = [.. directions.Select(direction => Dot(network, direction, gradient))];
                for (int i = 0; i < 4; i++)
                {
                    expected[i / 2, i % 2] += loss.Probabilities(n)[c] * along[i / 2] * along[i % 2] / Examples;
                }
            }
        }

        // Central differences in single precision: about 1e-3 of the larger curvature.
        double scale = Math.Max(expected[0, 0], expected[1, 1]);
        Assert.AreEqual(expected[0, 0], model.Curvature(tangents[0], tangents[0], Examples), 2e-3 * scale);
        Assert.AreEqual(expected[0, 1], model.Curvature(tangents[0], tangents[1], Examples), 2e-3 * scale);
        Assert.AreEqual(expected[1, 1], model.Curvature(tangents[1], tangents[1], Examples), 2e-3 * scale);
    }

    [TestMethod]
    public void Where_the_model_predicts_no_decrease_the_damping_stays_and_it_is_said_once()
    {
        using var workers = new Workers(1);
        Network network = Build(workers, 1);
        var optimizer = (KfacOptimizer)new KfacOptions { DampingAdaptation = DampingAdaptation.LevenbergMarquardt, LearningRate = 1e4f, Constraint = NormConstraintKind.None }.Create(network, 1);
        float damping = optimizer.Damping;

        StepReport report = optimizer.Step(Labels, 1);

        Assert.AreEqual(damping, optimizer.Damping);
        StringAssert.StartsWith(report.Warnings.Single(), "the quadratic model predicts no decrease of the loss: the damping stays at");
    }

    [TestMethod]
    public void Damping_that_is_far_too_large_is_calibrated_down()
    {
        using var workers = new Workers(1);
        var options = new KfacOptions { Damping = 1e4f, DampingAdaptation = DampingAdaptation.LevenbergMarquardt };
        var optimizer = (KfacOptimizer)options.Create(Build(workers), 1);
        for (int step = 0; step < 20; step++)
        {
            optimizer.Step(Labels, 1);
        }

        Assert.IsLessThan(10, optimizer.Damping);
    }

    [TestMethod]
    public void Damping_follows_the_reduction_ratio()
    {
        using var workers = new Workers(1);
        Network network = Build(workers);
        var loss = new SoftmaxCrossEntropy(Classes, Examples);
        network.Forward(Examples, isTraining: true);
        double before = loss.Forward(network.Logits, Labels).LossSum / Examples;
        loss.WriteGradient(Labels, network.LogitsGradient!);
        network.Backward(BackwardQuantities.Gradient);
        var chunks = new Chunks(workers, network.Store.Length);
        var model = new QuadraticModel(network, loss, chunks);
        var rule = new DampingRule(network, loss, chunks, model, least: 0.5f);
        float[] start = network.Store.Values.Span.ToArray(), gradient = network.Store.Gradients.Span.ToArray();
        var tangent = new float[Examples * Classes];
        model.Tangent(gradient, Examples, tangent);
        double longest = chunks.Dot(gradient, gradient) / model.Curvature(tangent, tangent, Examples);

        float first = After(1e-3 * longest, damping: 100);
        Assert.AreEqual(1, rule.ReductionRatio, 0.05, "a short step is what the model says");
        Assert.AreEqual(10f, first, 1e-3f, "calibration goes by tens");
        Assert.AreEqual(0.5f, After(1e-3 * longest, damping: 1), "never below the least");
        before = 0; // as if the loss had risen
        float second = After(longest, damping: 1);
        Assert.IsLessThan(0.25, rule.ReductionRatio);
        Assert.IsFalse(rule.IsCalibrating, "the ratios point both ways");
        Assert.AreEqual(1 / Math.Pow(0.95, 5), second, 1e-5);

        float After(double length, float damping)
        {
            // As the optimizer leaves it: probabilities of the parameters before, the parameters after.
            start.CopyTo(network.Store.Values.Span);
            network.Store.MarkChanged();
            network.Forward(Examples, isTraining: true);
            loss.Forward(network.Logits, Labels);
            for (int i = 0; i < start.Length; i++)
            {
                network.Store.Values.Span[i] -= (float)length * gradient[i];
            }

            return rule.Adapt(damping, start, before, Labels);
        }
    }

    [TestMethod]
    public void Looking_ahead_drops_the_same_values_and_leaves_running_statistics_alone()
    {
        using var workers = new Workers(1);
        Network plain = WithNormalisationAndDropout(), ahead = WithNormalisationAndDropout();
        new KfacOptions().Create(plain, 1).Step(Labels, 1);
        Optimizer optimizer = new KfacOptions { MomentumKind = KfacMomentumKind.QuadraticModel, DampingAdaptation = DampingAdaptation.LevenbergMarquardt, Damping = 1e3f }.Create(ahead, 1);
        optimizer.Step(Labels, 1);
        double[] expected = Statistics(plain), actual = Statistics(ahead);
        Assert.IsNotEmpty(expected);
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.AreEqual(expected[i], actual[i], 1e-6, $"statistic {i}");
        }

        Assert.AreEqual(plain.TrainingPasses, ahead.TrainingPasses);
        Assert.IsLessThan(1e3f, ((KfacOptimizer)optimizer).Damping, "a short step is foretold, which other masks would not let happen");

        Network WithNormalisationAndDropout()
        {
            var random = new Random(3);
            NetworkSpec spec = NetworkSpec.For(6, 5, 2).Conv(4, 3).BatchNorm().Relu().Dropout(0.5f).Flatten().Dense(Classes);
            var network = new Network(spec, Examples, workers, trains: true);
            network.Initialize(seed: 1);
            for (int n = 0; n < Examples; n++)
            {
                network.Input.Write(n, [.. Enumerable.Range(0, spec.Input.Size).Select(_ => (float)random.NextGaussian())]);
            }

            return network;
        }

        static double[] Statistics(Network network) =>
            [.. network.Store.Parameters.Where(parameter => parameter.Kind == ParameterKind.Statistic).SelectMany(parameter => parameter.Values.ToArray()).Select(v => (double)v)];
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

    private static Network Build(Workers workers, int seed = 5) =>
        NoiseNetwork.Build(NetworkSpec.For(6, 5, 2).Conv(4, 3).Relu().Conv(3, 2, stride: 2).Relu().Flatten().Dense(Classes), workers, Examples, seed);

    private static AlignedBuffer Direction(Network network, Random random)
    {
        var direction = new AlignedBuffer(network.Store.Length);
        foreach (Parameter parameter in network.Parameters)
        {
            foreach (ref float value in direction.Span.Slice(parameter.Offset, parameter.Length))
            {
                value = (float)random.NextGaussian();
            }
        }

        return direction;
    }

    private static double Dot(Network network, AlignedBuffer direction, List<double[]> gradient)
    {
        double sum = 0;
        for (int p = 0; p < gradient.Count; p++)
        {
            ReadOnlySpan<float> part = direction.Span.Slice(network.Parameters[p].Offset, network.Parameters[p].Length);
            for (int i = 0; i < part.Length; i++)
            {
                sum += part[i] * gradient[p][i];
            }
        }

        return sum;
    }

    private static double[] Values(Network network) => [.. network.Parameters.SelectMany(parameter => parameter.Values.ToArray()).Select(v => (double)v)];
}
