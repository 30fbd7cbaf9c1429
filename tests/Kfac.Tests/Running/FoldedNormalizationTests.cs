using Kfac.Layers;
using Kfac.Memory;
using Kfac.Networks;
using Kfac.Parallel;
using Kfac.Running;
using static Kfac.Tests.Running.NetworkCases;

namespace Kfac.Tests.Running;

/// <summary>A network that only predicts has its batch normalisations in the convolutions before them, and the same answers.</summary>
[TestClass]
public sealed class FoldedNormalizationTests
{
    [TestMethod]
    [DynamicData(nameof(NetworksWithDropout), typeof(NetworkCases))]
    public void Predicts_what_the_trained_network_does(string name, NetworkSpec spec)
    {
        using var workers = new Workers(2);
        (Network trained, double[][] images, _) = Build(spec, workers);
        var random = new Random(3);
        foreach (Parameter statistic in trained.Store.Parameters.Where(parameter => parameter.Kind == ParameterKind.Statistic))
        {
            foreach (ref float value in statistic.MutableValues)
            {
                value = 0.5f + random.NextSingle();
            }
        }

        var predicting = new Network(spec, Examples, workers, trains: false, trained.Store);
        for (int n = 0; n < Examples; n++)
        {
            predicting.Input.Write(n, Array.ConvertAll(images[n], value => (float)value));
        }

        trained.Forward(Examples);
        predicting.Forward(Examples);

        float[] expected = new float[Classes], actual = new float[Classes];
        for (int n = 0; n < Examples; n++)
        {
            trained.Logits.Read(n, expected);
            predicting.Logits.Read(n, actual);
            for (int i = 0; i < Classes; i++)
            {
                Assert.AreEqual(expected[i], actual[i], 2e-5 * Math.Max(1, expected.Max(Math.Abs)), $"{name}, example {n}");
            }
        }
    }

    [TestMethod]
    public void Only_normalizations_right_behind_a_convolution_are_folded()
    {
        using var workers = new Workers(1);
        NetworkSpec spec = NetworkSpec.For(4, 4, 2).BatchNorm().Conv(3, 3).BatchNorm().BatchNorm().Relu().MaxPool(2).BatchNorm()
            .Residual(body => body.Conv(3, 3).BatchNorm(), shortcut => shortcut.BatchNorm()).Flatten().Dense(Classes);

        string[] left = [.. new Network(spec, 1, workers, trains: false).Layers.OfType<BatchNorm>().Select(layer => layer.Name)];

        CollectionAssert.AreEqual(new[] { "batchnorm_1", "batchnorm_3", "batchnorm_4", "batchnorm_6" }, left);
        Assert.HasCount(6, new Network(spec, 1, workers, trains: true).Layers.OfType<BatchNorm>());
    }
}
