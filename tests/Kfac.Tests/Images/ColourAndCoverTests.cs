using Kfac.Images;

namespace Kfac.Tests.Images;

/// <summary>Changes of an image's values: colours, and what covers a part of it.</summary>
[TestClass]
public sealed class ColourAndCoverTests
{
    [TestMethod]
    public void Contrast_keeps_the_mean_and_multiplies_the_distances_from_it()
    {
        float mean = AugmentationTests.Picture.Average();
        double[] factors = [.. Enumerable.Range(0, 200).Select(index =>
        {
            float[] picture = AugmentationTests.Augment(new AugmentationOptions { Contrast = 0.5 }, 0, index);
            double factor = (picture[7] - mean) / (AugmentationTests.Picture[7] - mean);
            Assert.IsTrue(picture.Zip(AugmentationTests.Picture).All(pair => Math.Abs(mean + factor * (pair.Second - mean) - pair.First) < 1e-2));
            return factor;
        })];

        Assert.IsTrue(factors.Min() is > 0.4999 and < 0.6 && factors.Max() is > 1.4 and < 1.5001);
    }

    [TestMethod]
    public void Saturation_and_hue_keep_the_grey_of_each_pixel()
    {
        var shape = new ImageShape(1, 2, 3);
        float[] colours = [0.9f, 0.2f, 0.1f, 0.5f, 0.5f, 0.5f];
        for (int index = 0; index < 100; index++)
        {
            float[] saturated = [.. colours], turned = [.. colours];
            new Augmentation(new AugmentationOptions { Saturation = 1 }, shape, [0, 0, 0], 1).Apply(saturated, 0, index);
            new Augmentation(new AugmentationOptions { Hue = 0.5 }, shape, [0, 0, 0], 1).Apply(turned, 0, index);

            Assert.IsTrue(saturated[3..].Concat(turned[3..]).All(value => Math.Abs(value - 0.5) < 1e-6), "grey stays grey");
            Assert.AreEqual(1.2, saturated[..3].Sum(), 1e-5);
            Assert.AreEqual(1.2, turned[..3].Sum(), 1e-5);
            double factor = (saturated[0] - 0.4) / 0.5;
            Assert.AreEqual(factor, (saturated[1] - 0.4) / -0.2, 1e-4, "one factor for the three colours");
            Assert.AreEqual(0.25 + 0.04 + 0.09, turned[..3].Sum(value => (value - 0.4) * (value - 0.4)), 1e-5, "a rotation keeps the distance from grey");
        }

        float[] third = [.. colours];
        new ColourJitter(3).Apply(third, 1, 1, 1, 2 * Math.PI / 3);
        float[][] cycles = [[0.2f, 0.1f, 0.9f], [0.1f, 0.9f, 0.2f]];
        Assert.IsTrue(cycles.Any(cycle => third[..3].Zip(cycle).All(pair => Math.Abs(pair.First - pair.Second) < 1e-5)), "a third of the circle changes the colours' places");
    }

    [TestMethod]
    public void Erasing_overwrites_a_rectangle_of_its_share_of_the_pictures()
    {
        var shape = new ImageShape(40, 40, 1);
        var augmentation = new Augmentation(new AugmentationOptions { Erasing = 0.25 }, shape, [-1], seed: 3);
        int erased = 0;
        for (int index = 0; index < 400; index++)
        {
            float[] image = new float[1600];
            augmentation.Apply(image, 0, index);
            int[] places = [.. Enumerable.Range(0, 1600).Where(place => image[place] == -1)];
            erased += places.Length > 0 ? 1 : 0;
            if (places.Length > 0)
            {
                int rows = places[^1] / 40 - places[0] / 40 + 1;
                Assert.AreEqual(places.Length, rows * (places[^1] % 40 - places[0] % 40 + 1), "a rectangle");
                Assert.IsTrue(places.Length / 1600.0 is > 0.015 and < 0.345);
            }
        }

        // Four deviations of 8.7.
        Assert.IsLessThanOrEqualTo(35, Math.Abs(erased - 100));
    }

    [TestMethod]
    public void Cutout_overwrites_one_square_with_the_mean()
    {
        for (int index = 0; index < 100; index++)
        {
            float[] picture = AugmentationTests.Augment(new AugmentationOptions { Cutout = 0.6 }, 0, index);
            int[] changed = [.. Enumerable.Range(0, 30).Where(place => picture[2 * place] == -1 && picture[2 * place + 1] == -2)];
            Assert.IsTrue(Enumerable.Range(0, 30).Except(changed).All(place => picture[2 * place] == AugmentationTests.Picture[2 * place]));
            if (changed.Length > 0)
            {
                (int rows, int columns) = (changed.Max(place => place / 5) - changed.Min(place => place / 5) + 1, changed.Max(place => place % 5) - changed.Min(place => place % 5) + 1);
                Assert.HasCount(rows * columns, changed, "a rectangle");
                Assert.IsTrue(rows <= 3 && columns <= 3, "0.6 of the shorter side");
            }
        }
    }

    [TestMethod]
    public void Brightness_is_one_factor_of_all_values()
    {
        double[] factors = [.. Enumerable.Range(0, 200).Select(index => (double)AugmentationTests.Augment(new AugmentationOptions { Brightness = 0.5 }, 0, index)[5] / AugmentationTests.Picture[5])];

        Assert.IsTrue(factors.All(factor => factor is >= 0.4999 and < 1.5001));
        Assert.IsGreaterThan(0.9, factors.Max() - factors.Min());
        float[] bright = AugmentationTests.Augment(new AugmentationOptions { Brightness = 0.5 }, 0, 7);
        Assert.IsTrue(bright.Zip(AugmentationTests.Picture).All(pair => Math.Abs(pair.First - factors[7] * pair.Second) < 1e-3));
    }
}
