using Kfac.Audit;
using Kfac.Memory;
using Kfac.Models;
using Kfac.Networks;
using Kfac.Parallel;
using Kfac.Running;

namespace Kfac.Tests.Networks;

/// <summary>A network and its training as lines of text.</summary>
[TestClass]
public sealed class LayerSummaryTests
{
    private static readonly NetworkSpec Mixed = NetworkSpec.For(12, 10, 4)
        .Conv(8, 3, stride: 2, padding: Padding.Valid, groups: 2).GroupNorm(2).Gelu().DepthwiseConv(3, useBias: false)
        .AveragePool(2).Dropout(0.25f).Flatten().Dense(5).LeakyRelu().Add(new DenseSpec(3, UseBias: false));

    [TestMethod]
    public void Parameters_are_those_of_the_running_network()
    {
        foreach (NetworkSpec spec in (NetworkSpec[])[Mixed, NetworkSpec.ResNet(new ImageShape(16, 16, 3), 10), NetworkSpec.SmallCnn(new ImageShape(28, 28, 1), 10)])
        {
            using var workers = new Workers(1);
            var network = new Network(spec, 1, workers, trains: false);
            Dictionary<string, long> expected = network.Store.Parameters.Where(parameter => parameter.Kind != ParameterKind.Statistic)
                .GroupBy(parameter => parameter.Name.Split('/')[0]).ToDictionary(group => group.Key, group => group.Sum(parameter => (long)parameter.Length));

            CollectionAssert.AreEquivalent(expected, spec.Summarize().Where(layer => layer.Parameters > 0).ToDictionary(layer => layer.Name, layer => layer.Parameters));
            CollectionAssert.AreEquivalent(expected.Keys, FisherBlocks.Of(spec).Keys.ToArray());
        }
    }

    [TestMethod]
    public void Multiply_adds_are_weights_times_places()
    {
        LayerSummary[] layers = [.. Mixed.Summarize().Where(layer => layer.MultiplyAdds > 0)];

        // (12 - 3) / 2 + 1 = 5 rows and 4 columns; depthwise 3x3 on 8 channels; 2 x 2 maps of 8 channels; 5 units.
        CollectionAssert.AreEqual((long[])[5 * 4 * 3 * 3 * 2 * 8, 5 * 4 * 3 * 3 * 8, 32 * 5, 5 * 3], layers.Select(layer => layer.MultiplyAdds).ToArray());
    }

    [TestMethod]
    public void A_network_prints_as_a_table()
    {
        string[] lines = NetworkSpec.For(8, 8, 1).Conv(4, 3).Residual(body => body.Relu().Conv(4, 1, padding: Padding.Valid)).Flatten().Dense(3).ToString().Split(Environment.NewLine);

        Assert.AreEqual("8x8x1 -> 3: 831 parameters, 4,096 multiply-adds", lines[0]);
        Assert.HasCount(7, lines);
        Assert.AreEqual("  conv2d_1             3x3, 4 filters                        8x8x4           40          2,304", lines[1]);
        Assert.StartsWith("  residual             body + input", lines[2]);
        Assert.StartsWith("    relu_1", lines[3]);
        Assert.StartsWith("    conv2d_2           1x1, 4 filters, no padding", lines[4]);
        Assert.IsTrue(lines.All(line => line.Length <= 100));
    }

    [TestMethod]
    public void An_epoch_prints_as_a_line()
    {
        var epoch = new EpochReport(3, 10, 0.41234, 0.8712, null, null, 12.34, 1000, 0.1, 0);

        Assert.AreEqual("epoch 3 of 10: loss 0.4123, accuracy 87.1 %; 12.3 s", epoch.ToString());
        Assert.AreEqual("epoch 3 of 10: loss 0.4123, accuracy 87.1 %; validation 0.3900, 88.0 %; 12.3 s", (epoch with { ValidationLoss = 0.39, ValidationAccuracy = 0.88 }).ToString());
    }
}
