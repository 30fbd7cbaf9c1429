using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Parallel;
using Kfac.Running;
using Kfac.Tests.Oracles;

namespace Kfac.Tests.Optimizers;

/// <summary>The running average of the parameters, and that it comes and goes without a trace.</summary>
[TestClass]
public sealed class ParameterAverageTests
{
    private static readonly int[] Labels = [0, 1, 2, 1];

    [TestMethod]
    public void Is_the_debiased_average_of_the_parameters_that_steps_began_with()
    {
        using var workers = new Workers(2);
        var random = new Random(5);
        var network = new Network(NetworkSpec.For(4, 4, 1).Flatten().Dense(3), Labels.Length, workers, trains: true);
        network.Initialize(seed: 1);
        for (int n = 0; n < Labels.Length; n++)
        {
            network.Input.Write(n, [.. Enumerable.Range(0, 16).Select(_ => (float)random.NextGaussian())]);
        }

        Optimizer optimizer = new SgdOptions { LearningRate = 0.5f }.Create(network, 1);
        var average = new ParameterAverage(network, steps: 4); // decay 3/4
        float[] untouched = network.Store.Values.Span.ToArray();
        average.Swap();
        CollectionAssert.AreEqual(untouched, network.Store.Values.Span.ToArray(), "before the first step there is no average");

        var sum = new double[untouched.Length];
        double weight = 0;
        for (int step = 0; step < 6; step++)
        {
            float[] before = network.Store.Values.Span.ToArray();
            optimizer.Step(Labels, 1);
            average.Add(optimizer);
            weight = 0.75 * weight + 1;
            sum = [.. sum.Zip(before, (s, w) => 0.75 * s + w)];
        }

        float[] last = network.Store.Values.Span.ToArray();
        average.Swap();
        for (int i = 0; i < sum.Length; i++)
        {
            Assert.AreEqual(sum[i] / weight, network.Store.Values.Span[i], 1e-5, $"value {i}");
        }

        average.Swap();
        CollectionAssert.AreEqual(last, network.Store.Values.Span.ToArray(), "and back");
    }
}
