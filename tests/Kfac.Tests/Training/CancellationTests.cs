using Kfac.Curvature;
using Kfac.Models;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Parallel;
using Kfac.Tests.Images;
using Kfac.Training;

namespace Kfac.Tests.Training;

/// <summary>Where a training that is cancelled ends: in the middle of steps and factorisations.</summary>
[TestClass]
public sealed class CancellationTests
{
    [TestMethod]
    [DataRow(1)]
    [DataRow(3)]
    public void A_region_ends_before_its_next_unit(int threads)
    {
        using var workers = new Workers(threads);
        using var source = new CancellationTokenSource();
        workers.Cancellation = source.Token;
        int done = 0;

        Assert.ThrowsExactly<OperationCanceledException>(() => workers.Run(1000, (unit, _) =>
        {
            source.Cancel();
            Interlocked.Increment(ref done);
        }));

        Assert.IsLessThanOrEqualTo(threads, done);
        workers.Run(10, (_, _) => Interlocked.Increment(ref done), isAtomic: true);
        Assert.IsGreaterThanOrEqualTo(11, done);
    }

    [TestMethod]
    public void A_factorisation_is_left_to_itself()
    {
        var factor = FisherFactor.Matrix(4, new LayerCollection());
        factor.Update(new float[] { 4, 1, 0, 0, 1, 3, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1 }, []);
        SymmetricMatrix matrix = SymmetricMatrix.Of(factor, 4);
        var cancelled = new CancellationToken(canceled: true);

        Assert.Throws<OperationCanceledException>(() => matrix.Decompose(new float[16], cancelled));
        Assert.Throws<OperationCanceledException>(() => matrix.Raise(-1, 0.1, new float[16], cancelled));
        Assert.Throws<OperationCanceledException>(() => matrix.Raise(-0.5, 0.1, new float[16], cancelled));
        using var source = new CancellationTokenSource();
        float[] inverse = new float[16], same = new float[16];
        Assert.IsNull(matrix.Raise(-1, 0.1, inverse, source.Token));
        Assert.IsNull(matrix.Raise(-1, 0.1, same, default));
        CollectionAssert.AreEqual(same, inverse);
    }

    public static IEnumerable<OptimizerOptions> Optimizers => [new SgdOptions(), new AdamOptions(), new MuonOptions(), new KfacOptions(), new KfacOptions { MomentumKind = KfacMomentumKind.QuadraticModel }];

    [TestMethod]
    [DynamicData(nameof(Optimizers))]
    public void A_training_cancelled_within_a_step_keeps_what_the_step_before_left(OptimizerOptions optimizer)
    {
        const int Steps = 4;
        using CancellationTokenSource within = new(), between = new();
        int steps = 0;
        ImageClassifier cancelledWithin = Fit(optimizer, new CancellingSchedule(Steps, within), onBatch: null, within.Token);
        ImageClassifier cancelledBetween = Fit(optimizer, LearningRateSchedule.Constant, () => Cancel(ref steps, between), between.Token);

        CollectionAssert.AreEqual(Weights(cancelledBetween), Weights(cancelledWithin));

        static void Cancel(ref int steps, CancellationTokenSource source)
        {
            if (++steps == Steps)
            {
                source.Cancel();
            }
        }
    }

    [TestMethod]
    public void An_inverse_under_way_does_not_lose_the_model()
    {
        using var source = new CancellationTokenSource();
        var options = new TrainingOptions
        {
            Network = NetworkSpec.For(8, 8, 1).Flatten().Dense(600).Relu().Dense(SyntheticImages.Classes),
            Optimizer = new KfacOptions { Approximation = FisherApproximation.Kronecker, InverseUpdatePeriod = 5, InverseDelay = 4 },
            BatchSize = 8,
            Threads = 1,
            OnCancellation = CancellationOutcome.KeepBest,
            OnBatch = report =>
            {
                // The computation for step 9 has begun with step 5, and takes longer than a step.
                if (report.Batch == 5)
                {
                    source.Cancel();
                }
            },
        };

        ImageClassifier model = new ImageClassifierTrainer(options).Fit(SyntheticImages.Create(80, 1), cancellation: source.Token);

        Assert.IsTrue(model.HasOptimizerState);
    }

    [TestMethod]
    public void More_threads_than_are_of_use_are_not_taken()
    {
        var warnings = new List<string>();
        var options = new TrainingOptions { Network = Tiny, Epochs = 1, Threads = 2000, OnWarning = warnings.Add };

        new ImageClassifierTrainer(options).Fit(SyntheticImages.Create(9, 1));

        StringAssert.Contains(warnings.Single(), $"Threads is 2000, but more than {Workers.MaxCount} are of no use");
    }

    private static NetworkSpec Tiny => NetworkSpec.For(8, 8, 1).Conv(4, 3).Relu().MaxPool(2).Flatten().Dense(6).Relu().Dense(SyntheticImages.Classes);

    private static ImageClassifier Fit(OptimizerOptions optimizer, LearningRateSchedule schedule, Action? onBatch, CancellationToken cancellation) =>
        new ImageClassifierTrainer(new TrainingOptions
        {
            Network = Tiny,
            Optimizer = optimizer,
            Schedule = schedule,
            BatchSize = 8,
            Threads = 2,
            OnBatch = onBatch is null ? null : _ => onBatch(),
            OnCancellation = CancellationOutcome.KeepBest,
        }).Fit(SyntheticImages.Create(80, 1), cancellation: cancellation);

    private static float[] Weights(ImageClassifier model) => [.. model.Parameters.SelectMany(parameter => parameter.Values.ToArray())];

    /// <summary>1 throughout; asked for step number <paramref name="Steps"/> + 1, it cancels, and the step begins cancelled.</summary>
    private sealed record CancellingSchedule(int Steps, CancellationTokenSource Source) : LearningRateSchedule
    {
        private int _asked;

        public override double Factor(double progress, double epoch)
        {
            if (_asked++ == Steps)
            {
                Source.Cancel();
            }

            return 1;
        }
    }
}
