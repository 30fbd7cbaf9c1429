using Kfac.Curvature;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Parallel;
using Kfac.Running;
using Kfac.Tests.Running;

namespace Kfac.Tests.Optimizers;

/// <summary>When inverses are computed anew.</summary>
[TestClass]
public sealed class InverseScheduleTests
{
    private static readonly int[] Labels = [0, 1, 2, 1];

    [TestMethod]
    [DataRow(FisherApproximation.Kronecker, true)]
    [DataRow(FisherApproximation.Full, true)]
    [DataRow(FisherApproximation.Ekfac, false)]
    public void Another_damping_is_another_inverse_but_the_same_eigenvectors(FisherApproximation approximation, bool isAnother)
    {
        using var workers = new Workers(2);
        Network network = NoiseNetwork.Build(NetworkSpec.For(5, 5, 2).Conv(4, 3).Relu().MaxPool(2).Flatten().Dense(3), workers, Labels.Length);
        Optimizer optimizer = new KfacOptions { Approximation = approximation, FactorUpdatePeriod = 1, LearningRate = 1e-6f }.Create(network, 1);
        optimizer.Step(Labels, 1);
        FisherBlock[] blocks = [.. optimizer.Curvature!.Blocks];
        var schedule = new InverseSchedule(blocks, workers, Communicator.Solo, period: 100, delay: 0);
        schedule.Advance(step: 1);
        optimizer.Step(Labels, 1);
        byte[] before = Inverses();

        Array.ForEach(blocks, block => block.Damping *= 2);
        schedule.RefreshDamped();
        Assert.AreEqual(isAnother, !before.SequenceEqual(Inverses()));

        schedule.Advance(step: 4);
        Assert.IsFalse(before.SequenceEqual(Inverses()), "at its time everything is computed from the factors of the moment");

        byte[] Inverses()
        {
            using var stream = new MemoryStream();
            StateDictionary.Capture(state =>
            {
                foreach ((int i, FisherBlock block) in blocks.Index())
                {
                    block.CaptureOrRestoreInverse(state, $"{i}");
                }
            }).Write(stream);
            return stream.ToArray();
        }
    }
}
