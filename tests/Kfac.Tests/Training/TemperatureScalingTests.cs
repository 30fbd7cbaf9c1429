using Kfac.Images;
using Kfac.Models;
using Kfac.Networks;
using Kfac.Parallel;
using Kfac.Tests.Models;
using Kfac.Tests.Parallel;
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

    [TestMethod]
    [DataRow(2)]
    [DataRow(200)]
    public void Ranks_score_a_share_each_and_find_the_same_temperature(int count)
    {
        ImageClassifier model = OnnxExportTests.Create(Spec);
        MemoryImageSource images = Draw(model, count, 2);
        double expected = Fit(model, images);
        int[] read = new int[3];

        double[] found = ThreadRanks.Run(3, ranks => Fit(model, new Counted(images, () => read[ranks.Rank]++), ranks));

        CollectionAssert.AreEqual(new[] { expected, expected, expected }, found);
        CollectionAssert.AreEqual(Enumerable.Range(0, 3).Select(rank => count * (rank + 1) / 3 - count * rank / 3).ToArray(), read);
    }

    [TestMethod]
    public void Of_many_images_those_at_equal_distances_are_taken()
    {
        ImageClassifier model = OnnxExportTests.Create(Spec);
        MemoryImageSource first = Draw(model, 12_000, 0.5), last = Draw(model, 8_000, 2), all = new(Spec.Input, 3), half = new(Spec.Input, 3);
        var pixels = new float[16];
        foreach ((MemoryImageSource images, int n) in Enumerable.Range(0, 20_000).Select(n => n < 12_000 ? (first, n) : (last, n - 12_000)))
        {
            images.ReadImage(n, pixels);
            all.Add(pixels, images.GetLabel(n), 1);
            if (n % 2 == 1)
            {
                half.Add(pixels, images.GetLabel(n), 1);
            }
        }

        double expected = Fit(model, half);

        Assert.AreEqual(expected, Fit(model, all));
        CollectionAssert.AreEqual(new[] { expected, expected, expected }, ThreadRanks.Run(3, ranks => Fit(model, all, ranks)));
        Assert.IsGreaterThan(1.2 * Fit(model, first), expected, "the last ones have no say");
    }

    [TestMethod]
    public void A_cancellation_ends_it_on_all_ranks()
    {
        ImageClassifier model = OnnxExportTests.Create(Spec);
        MemoryImageSource images = Draw(model, 50, 2);
        bool[] areCancelled = ThreadRanks.Run(2, ranks =>
        {
            Assert.ThrowsExactly<OperationCanceledException>(() => Fit(model, images, ranks, new CancellationToken(canceled: ranks.Rank == 1)));
            return true;
        });

        Assert.HasCount(2, areCancelled);
    }

    private static double Fit(ImageClassifier model, IImageSource images, Communicator? ranks = null, CancellationToken cancellation = default)
    {
        using ImageSequence sequence = ImageSet.Of(images).Open(seed: null);
        return TemperatureScaling.Fit(model, sequence, new TrainingRanks(ranks ?? Communicator.Solo), threads: 2, cancellation);
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

    /// <summary>Tells of each image that is read.</summary>
    private sealed class Counted(IImageSource images, Action onRead) : IImageSource
    {
        public ImageShape Shape => images.Shape;

        public int ClassCount => images.ClassCount;

        public int Count => images.Count;

        public int GetLabel(int index) => images.GetLabel(index);

        public void ReadImage(int index, Span<float> pixels)
        {
            onRead();
            images.ReadImage(index, pixels);
        }
    }
}
