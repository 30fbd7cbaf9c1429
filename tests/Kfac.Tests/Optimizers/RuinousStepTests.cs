using Kfac.Memory;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Parallel;
using Kfac.Running;
using Kfac.Tests.Running;

namespace Kfac.Tests.Optimizers;

/// <summary>Steps that would leave something that is not finite, seen by no loss.</summary>
[TestClass]
public sealed class RuinousStepTests
{
    private const int Examples = 4;

    private static readonly int[] Labels = [0, 1, 2, 1];

    public static IEnumerable<OptimizerOptions> All => [new SgdOptions(), new AdamOptions(), new MuonOptions(), new KfacOptions(), new KfacOptions { Approximation = Kfac.Curvature.FisherApproximation.Kronecker }];

    [TestMethod]
    [DynamicData(nameof(All))]
    public void A_step_to_infinity_is_taken_back_at_once(OptimizerOptions options)
    {
        using var workers = new Workers(1);
        Network network = Build(workers);
        Optimizer optimizer = options.Create(network, 1);
        Assert.IsNull(optimizer.Step(Labels, 1).Recovery);
        float[] good = Weights(network);

        StepReport report = optimizer.Step(Labels, scheduleFactor: 1e300);

        StringAssert.Contains(report.Recovery, "the step led to a parameter that is not finite: the last good parameters were restored");
        CollectionAssert.AreEqual(good, Weights(network));
        Assert.IsNull(optimizer.Step(Labels, 1).Recovery, "and it goes on");
    }

    public static IEnumerable<OptimizerOptions> AllMomenta => [.. All, .. Enum.GetValues<KfacMomentumKind>().Select(kind => new KfacOptions { MomentumKind = kind, DampingAdaptation = DampingAdaptation.LevenbergMarquardt })];

    [TestMethod]
    [DynamicData(nameof(AllMomenta))]
    public void Without_a_gradient_a_step_goes_nowhere(OptimizerOptions options)
    {
        using var workers = new Workers(1);
        var network = new Network(NetworkSpec.For(2, 2, 1).Flatten().Dense(4).Relu().Dense(3).Relu(), Examples, workers, trains: true);
        network.Initialize(seed: 1);
        network.Parameters[^1].MutableValues.Fill(-100);
        network.Store.MarkChanged();
        float[] before = Weights(network);
        Optimizer optimizer = (options with { WeightDecay = 0 }).Create(network, 1);

        for (int step = 0; step < 6; step++)
        {
            Assert.IsNull(optimizer.Step(Labels, 1).Recovery);
        }

        CollectionAssert.AreEqual(before, Weights(network));
    }

    [TestMethod]
    [DynamicData(nameof(All))]
    public void A_statistic_that_overflows_is_not_remembered_as_good(OptimizerOptions options)
    {
        using var workers = new Workers(1);
        Network network = Build(workers);
        Optimizer optimizer = options.Create(network, 1);
        Assert.IsNull(optimizer.Step(Labels, 1).Recovery);
        float[] good = optimizer.LastGoodValues.ToArray();

        // The normalised values, and so the loss, stay the same; their variance is 1e50.
        Span<float> filter = network.Parameters[0].MutableValues;
        for (int i = 0; i < filter.Length; i++)
        {
            filter[i] *= 1e25f;
        }

        network.Store.MarkChanged();

        StepReport report = optimizer.Step(Labels, 1);

        StringAssert.Contains(report.Recovery, "batchnorm_1/variance was not finite: the last good parameters were restored");
        CollectionAssert.AreEqual(good, network.Store.Values.Span.ToArray());
        Assert.IsNull(optimizer.Step(Labels, 1).Recovery, "and it goes on");
    }

    [TestMethod]
    public void Where_the_last_good_parameters_do_not_predict_either_the_training_ends()
    {
        using var workers = new Workers(1);
        Network network = Build(workers, momentum: 0.999999f);
        Optimizer optimizer = new SgdOptions().Create(network, 1);

        // In training, the batch's own deviation brings values to about 1; by statistics near 0 they are a thousand times as large.
        foreach (Parameter statistic in network.Store.Parameters.Where(parameter => parameter.Kind == ParameterKind.Statistic))
        {
            statistic.MutableValues.Clear();
        }

        network.Parameters.Single(parameter => parameter.Kind == ParameterKind.Scale).MutableValues.Fill(1e36f);
        network.Store.MarkChanged();
        network.TrainingPasses = 1_000_000_000;
        optimizer.Step(Labels, 1);

        TrainingDivergedException failure = Assert.ThrowsExactly<TrainingDivergedException>(() => optimizer.TakeBackRuinousStep(Labels));

        StringAssert.Contains(failure.Message, "with the last good parameters the network's scores are not finite either");
    }

    [TestMethod]
    public void A_schedule_that_asks_for_more_decay_than_all_leaves_nothing()
    {
        using var workers = new Workers(1);
        Network network = Build(workers);
        Optimizer optimizer = new SgdOptions { LearningRate = 1e-3f, WeightDecay = 900, Momentum = 0 }.Create(network, 1);

        Assert.IsNull(optimizer.Step(Labels, scheduleFactor: 100).Recovery);

        Parameter filter = network.Parameters[0];
        for (int i = 0; i < filter.Length; i++)
        {
            Assert.AreEqual(-0.1f * filter.Gradient[i], filter.Values[i], 1e-6f, $"value {i}: only the gradient's step is left");
        }
    }

    private static float[] Weights(Network network) => [.. network.Parameters.SelectMany(parameter => parameter.Values.ToArray())];

    private static Network Build(Workers workers, float momentum = 0.9f) =>
        NoiseNetwork.Build(NetworkSpec.For(5, 5, 2).Conv(4, 3).BatchNorm(momentum).Relu().MaxPool(2).Flatten().Dense(3), workers, Examples);
}
