using Kfac.Images;
using Kfac.Models;
using Kfac.Networks;
using Kfac.Tests.Models;
using Kfac.Training;

namespace Kfac.Tests.Training;

/// <summary>The temperature is the one with the least cross-entropy.</summary>
[TestClass]
public sealed class TemperatureScalingTests
{
    private static readonly NetworkSpec Spec = NetworkSpec.For(4, 4, 1).Flatten().Dense(3);

    [TestMethod]
    [DataRow(0.5)]
    [DataRow(2.0)]
    public void Labels_drawn_at_a_temperature_bring_it_back(double truth)
    {
        ImageClassifier model = OnnxExportTests.Create(Spec);
        double found = Fit(model, Draw(model, 6_000, truth));

        Assert.AreEqual(truth, found, 0.1 * truth);
    }

    [TestMethod]
    public void Few_images_leave_it_near_one()
    {
        ImageClassifier model = OnnxExportTests.Create(Spec);
        double found = Fit(model, Draw(model, 3, 0.05));

        Assert.IsTrue(found is > 0.6 and < 1.1, $"{found}");
    }

    private static double Fit(ImageClassifier model, MemoryImageSource images)
    {
        using ImageSequence sequence = ImageSet.Of(images).Open(seed: null);
        return TemperatureScaling.Fit(model, sequence, threads: 2, CancellationToken.None);
    }

    /// <summary>Random images, each with a class drawn from softmax(scores / T).</summary>
    private static MemoryImageSource Draw(ImageClassifier model, int count, double temperature)
    {
        var images = new MemoryImageSource(Spec.Input, 3);
        var random = new SplitMix64(5, RandomStream.ImageOrder);
        using ImagePredictor predictor = model.CreatePredictor();
        var probabilities = new float[3];
        for (int n = 0; n < count; n++)
        {
            float[] pixels = [.. Enumerable.Range(0, 16).Select(_ => 90 + 40 * (float)random.NextGaussian())];
            predictor.Predict(pixels, probabilities);
            double[] powers = [.. probabilities.Select(p => Math.Pow(p, 1 / temperature))];
            double drawn = random.NextDouble() * powers.Sum();
            images.Add(pixels, drawn < powers[0] ? 0 : drawn < powers[0] + powers[1] ? 1 : 2, 1);
        }

        return images;
    }
}
