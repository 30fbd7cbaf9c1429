using Kfac.Images;
using Kfac.Models;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Training;

namespace Kfac.Tests.Images;

/// <summary>Mixup and CutMix.</summary>
[TestClass]
public sealed class ImageMixingTests
{
    private static readonly ImageShape Shape = new(10, 10, 1);

    [TestMethod]
    public void Mixup_averages_both_images_each_with_the_larger_part_of_its_own()
    {
        var mixing = new ImageMixing(new AugmentationOptions { Mixup = 1 }, Shape, seed: 2);
        double[] shares = [.. Enumerable.Range(0, 500).Select(position =>
        {
            (float[] one, float[] other) = (Filled(1), Filled(3));
            Mixture mixture = mixing.Draw(epoch: 1, position);
            mixing.Apply(mixture, one, other);
            Assert.IsTrue(one.All(value => Math.Abs(value - (3 - 2 * mixture.Share)) < 1e-5));
            Assert.IsTrue(other.All(value => Math.Abs(value - (1 + 2 * mixture.Share)) < 1e-5));
            return (double)mixture.Share;
        })];

        // Beta(1, 1) is uniform; the larger part of two is uniform in 0.5 … 1.
        Assert.IsTrue(shares.Min() is >= 0.5 and < 0.52 && shares.Max() is > 0.98 and <= 1);
        Assert.AreEqual(0.75, shares.Average(), 4 * 0.144 / Math.Sqrt(500));
    }

    [TestMethod]
    public void A_small_alpha_mixes_little()
    {
        var mixing = new ImageMixing(new AugmentationOptions { Mixup = 0.1 }, Shape, seed: 2);

        Assert.IsGreaterThan(0.9, Enumerable.Range(0, 500).Average(position => (double)mixing.Draw(0, position).Share));
    }

    [TestMethod]
    public void CutMix_exchanges_a_rectangle_whose_area_is_the_others_share()
    {
        var mixing = new ImageMixing(new AugmentationOptions { CutMix = 1 }, Shape, seed: 4);
        for (int position = 0; position < 200; position++)
        {
            (float[] one, float[] other) = (Filled(1), Filled(3));
            Mixture mixture = mixing.Draw(epoch: 0, position);
            mixing.Apply(mixture, one, other);

            int exchanged = one.Count(value => value == 3);
            Assert.AreEqual(1 - mixture.Share, exchanged / 100.0, 1e-6);
            Assert.IsTrue(one.Zip(other).All(pair => pair.First + pair.Second == 4));
            Assert.IsTrue(mixture.Share >= 0.4, "the nearest whole pixels may be a little more than a half");
        }
    }

    [TestMethod]
    public void With_both_every_other_pair_has_one_of_them()
    {
        var mixing = new ImageMixing(new AugmentationOptions { Mixup = 1, CutMix = 1 }, Shape, seed: 4);

        // Four deviations of 10.
        Assert.IsLessThanOrEqualTo(40, Math.Abs(Enumerable.Range(0, 400).Count(position => mixing.Draw(0, position).Cut is null) - 200));
    }

    [TestMethod]
    public void A_mixed_training_is_the_same_with_any_number_of_threads_and_learns()
    {
        var options = new TrainingOptions
        {
            Network = NetworkSpec.For(8, 8, 1).Conv(4, 3).Relu().Flatten().Dense(3),
            Optimizer = new SgdOptions(),
            Epochs = 12,
            BatchSize = 15,
            Seed = 3,
            Augmentation = new AugmentationOptions { Mixup = 0.4, CutMix = 1 },
        };

        float[] one = Weights(options with { Threads = 1 });
        CollectionAssert.AreEqual(one, Weights(options with { Threads = 3 }));
        CollectionAssert.AreNotEqual(one, Weights(options with { Augmentation = null }));
        Assert.IsGreaterThan(0.9, new ImageClassifierTrainer(options).Fit(SyntheticImages.Create(60, 1), SyntheticImages.Create(60, 2)).History[^1].ValidationAccuracy!.Value);
    }

    [TestMethod]
    public void Weights_are_mixed_as_the_classes_are()
    {
        // A class of weight 0 has no say: all images become the other class, however they are mixed.
        var images = new MemoryImageSource(Shape, 2);
        for (int n = 0; n < 32; n++)
        {
            images.Add(Filled(n % 2), n % 2);
        }

        var model = new ImageClassifierTrainer(new TrainingOptions
        {
            Network = NetworkSpec.For(10, 10, 1).Flatten().Dense(2),
            Optimizer = new SgdOptions(),
            Epochs = 100,
            ClassWeights = [0, 1],
            Augmentation = new AugmentationOptions { Mixup = 1 },
        }).Fit(images);

        var probabilities = new float[2];
        using ImagePredictor predictor = model.CreatePredictor();
        foreach (float value in new[] { 0f, 1f })
        {
            predictor.Predict(Filled(value), probabilities);
            Assert.IsGreaterThan(0.6f, probabilities[1]);
        }
    }

    private static float[] Filled(float value) => [.. Enumerable.Repeat(value, Shape.Size)];

    private static float[] Weights(TrainingOptions options) =>
        [.. new ImageClassifierTrainer(options).Fit(SyntheticImages.Create(60, 1)).Parameters.SelectMany(parameter => parameter.Values.ToArray())];
}
