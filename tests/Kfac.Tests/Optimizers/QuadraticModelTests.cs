using Kfac.Memory;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Parallel;
using Kfac.Running;
using Kfac.Tests.Oracles;
using static Kfac.Tests.Optimizers.KfacOptimizerTests;

namespace Kfac.Tests.Optimizers;

/// <summary>The quadratic model of a batch's loss, and the damping that follows it.</summary>
[TestClass]
public sealed class QuadraticModelTests
{
    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Quadratic_model_has_the_exact_Fisher_of_the_batch(bool isWeighted)
    {
        using var workers = new Workers(1);
        Network network = Build(workers, seed: 8); // no ReLU is about to turn
        var loss = new SoftmaxCrossEntropy(Classes, Examples);
        network.Forward(Examples, isTraining: true);
        double[] weights = [.. Enumerable.Range(0, Examples).Select(n => isWeighted ? 0.25 + n : 1)];
        for (int n = 0; n < Examples; n++)
        {
            loss.Weights[n] = (float)weights[n];
        }

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
                    expected[i / 2, i % 2] += weights[n] * loss.Probabilities(n)[c] * along[i / 2] * along[i % 2] / Examples;
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
    [DataRow(0f)]
    [DataRow(0.5f)]
    public void Damping_follows_the_reduction_ratio(float l2)
    {
        using var workers = new Workers(1);
        Network network = Build(workers);
        var loss = new SoftmaxCrossEntropy(Classes, Examples);
        network.Forward(Examples, isTraining: true);
        double before = loss.Forward(network.Logits, Labels).LossSum / Examples;
        loss.WriteGradient(Labels, network.LogitsGradient!);
        network.Backward(BackwardQuantities.Gradient);
        foreach (Parameter weights in network.Parameters.Where(parameter => parameter.Kind == ParameterKind.Weights))
        {
            for (int i = weights.Offset; i < weights.Offset + weights.Length; i++)
            {
                network.Store.Gradients.Span[i] += l2 * network.Store.Values.Span[i];
            }
        }

        var chunks = new Chunks(workers, network.Store.Length);
        var model = new QuadraticModel(network, loss, chunks);
        var rule = new DampingRule(network, loss, chunks, model, l2, least: 0.5f);
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
}
