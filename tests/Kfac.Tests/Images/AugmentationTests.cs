using Kfac.Images;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Training;

namespace Kfac.Tests.Images;

/// <summary>Random changes of images.</summary>
[TestClass]
public sealed class AugmentationTests
{
    private static readonly ImageShape Shape = new(6, 5, 2);

    internal static readonly float[] Picture = [.. Enumerable.Range(0, Shape.Size).Select(i => (float)(i * i % 97))];

    [TestMethod]
    public void Photographs_are_shifted_and_mirrored_by_default_and_other_images_left_alone()
    {
        Assert.AreEqual(AugmentationOptions.Photographs, AugmentationOptions.For(new ImageShape(32, 48, 3)));
        Assert.AreEqual(AugmentationOptions.Photographs, AugmentationOptions.For(new ImageShape(64, 64, 4)));
        Assert.AreEqual(AugmentationOptions.None, AugmentationOptions.For(new ImageShape(28, 28, 1)), "digits and letters are grey");
        Assert.AreEqual(AugmentationOptions.None, AugmentationOptions.For(new ImageShape(64, 16, 3)));
        Assert.AreEqual("shift 0.125, horizontal flip, alternating flip", AugmentationOptions.Photographs.ToString());
        Assert.AreEqual("none", AugmentationOptions.None.ToString());
    }

    [TestMethod]
    public void What_was_chosen_is_said()
    {
        List<string> said = [];
        var images = new MemoryImageSource(new ImageShape(24, 24, 3), 2);
        images.Add(new float[24 * 24 * 3], 0);
        images.Add([.. Enumerable.Repeat(1f, 24 * 24 * 3)], 1);

        new ImageClassifierTrainer(new TrainingOptions
        {
            Network = NetworkSpec.For(24, 24, 3).Conv(2, 3).Relu().MaxPool(8).Flatten().Dense(2),
            Epochs = 1,
            OnInfo = said.Add,
        }).Fit(images);

        CollectionAssert.AreEqual(
            new[] { "curvature: ConvDiagonalFB for conv2d_1; FullyConnectedDiagonalFB for dense_1", "recipe: 1 epoch, batches of 2, augmentation shift 0.0625, reflected border, horizontal flip, alternating flip, label smoothing 0.2, weight decay 0.25" }, said.OrderBy(line => line).ToArray());
    }

    [TestMethod]
    public void Nothing_changes_by_default()
    {
        for (int index = 0; index < 10; index++)
        {
            CollectionAssert.AreEqual(Picture, Augment(new AugmentationOptions(), epoch: 3, index));
        }
    }

    [TestMethod]
    public void Every_other_picture_is_mirrored()
    {
        float[] mirrored = [.. Picture.Select((_, i) => Value(i / 2 / 5, 4 - i / 2 % 5, i % 2))];
        float[][] seen = [.. Enumerable.Range(0, 400).Select(index => Augment(new AugmentationOptions { HorizontalFlip = true }, 0, index))];

        int flipped = seen.Count(picture => picture.SequenceEqual(mirrored));
        Assert.AreEqual(400, flipped + seen.Count(picture => picture.SequenceEqual(Picture)));
        // Four deviations of 10.
        Assert.IsLessThanOrEqualTo(40, Math.Abs(flipped - 200));
    }

    [TestMethod]
    public void Shifts_are_whole_pixels_and_the_border_is_repeated()
    {
        var seen = new HashSet<(int, int)>();
        for (int index = 0; index < 300; index++)
        {
            float[] picture = Augment(new AugmentationOptions { Shift = 0.4 }, 0, index);
            // At most 0.4 of 6 rows and of 5 columns, rounded.
            seen.Add((from down in Enumerable.Range(-2, 5) from right in Enumerable.Range(-2, 5) where picture.SequenceEqual(Shifted(down, right)) select (down, right)).Single());
        }

        Assert.HasCount(25, seen);

        static float[] Shifted(int down, int right) => [.. Picture.Select((_, i) => Value(Math.Clamp(i / 2 / 5 - down, 0, 5), Math.Clamp(i / 2 % 5 - right, 0, 4), i % 2))];
    }

    [TestMethod]
    public void Rotation_and_scale_are_bilinear()
    {
        // A plane is its own interpolation: the rotated, scaled plane is known inside of the border.
        var square = new ImageShape(21, 21, 1);
        float[] plane = [.. Enumerable.Range(0, 441).Select(i => 2f * (i / 21) - 3f * (i % 21) + 70)];
        var augmentation = new Augmentation(new AugmentationOptions { Rotation = 180, Scale = 0.3 }, square, [0], seed: 5);
        var seen = new List<(double Angle, double Scale)>();
        for (int index = 0; index < 200; index++)
        {
            float[] image = [.. plane];
            augmentation.Apply(image, 0, index);
            double perRow = image[11 * 21 + 10] - image[10 * 21 + 10], perColumn = image[10 * 21 + 11] - image[10 * 21 + 10];
            Assert.AreEqual(plane[10 * 21 + 10], image[10 * 21 + 10], 1e-3, "the centre stays");
            for (int i = 0; i < image.Length; i++)
            {
                (int y, int x) = (i / 21 - 10, i % 21 - 10);
                if (y * y + x * x < 7 * 7)
                {
                    Assert.AreEqual(plane[220] + perRow * y + perColumn * x, image[i], 1e-2);
                }
            }

            seen.Add((Math.Atan2(perColumn, perRow) - Math.Atan2(-3, 2), Math.Sqrt(13 / (perRow * perRow + perColumn * perColumn))));
        }

        Assert.IsTrue(seen.All(change => change.Scale is > 0.699 and < 1.301));
        Assert.IsLessThan(0.75, seen.Min(change => change.Scale));
        Assert.IsGreaterThan(1.25, seen.Max(change => change.Scale));
        Assert.HasCount(8, seen.Select(change => (int)Math.Floor((change.Angle + 4 * Math.PI) % (2 * Math.PI) / (Math.PI / 4))).Distinct());
    }

    [TestMethod]
    public void An_alternating_flip_shows_each_image_and_its_mirror_image_in_turn()
    {
        var options = new AugmentationOptions { HorizontalFlip = true, AlternatingFlip = true };
        int mirroredFirst = 0;
        for (int index = 0; index < 200; index++)
        {
            float[] first = Augment(options, 0, index), second = Augment(options, 1, index);
            Assert.AreNotEqual(first.SequenceEqual(Picture), second.SequenceEqual(Picture));
            CollectionAssert.AreEqual(first, Augment(options, 2, index));
            mirroredFirst += first.SequenceEqual(Picture) ? 0 : 1;
        }

        // Four deviations of 7.
        Assert.IsLessThanOrEqualTo(28, Math.Abs(mirroredFirst - 100));
    }

    [TestMethod]
    public void A_vertical_flip_turns_pictures_upside_down()
    {
        float[] turned = [.. Picture.Select((_, i) => Value(5 - i / 2 / 5, i / 2 % 5, i % 2))];
        float[][] seen = [.. Enumerable.Range(0, 400).Select(index => Augment(new AugmentationOptions { VerticalFlip = true }, 0, index))];

        int flipped = seen.Count(picture => picture.SequenceEqual(turned));
        Assert.AreEqual(400, flipped + seen.Count(picture => picture.SequenceEqual(Picture)));
        Assert.IsLessThanOrEqualTo(40, Math.Abs(flipped - 200));
    }

    [TestMethod]
    public void A_reflected_border_leaves_out_the_border_itself()
    {
        for (int index = 0; index < 300; index++)
        {
            float[] picture = Augment(new AugmentationOptions { Shift = 0.7, ReflectBorder = true }, 0, index);
            int matches = (from down in Enumerable.Range(-5, 11) from right in Enumerable.Range(-4, 9) where picture.SequenceEqual(Shifted(down, right)) select down).Count();
            Assert.IsGreaterThan(0, matches);
        }

        static float[] Shifted(int down, int right) => [.. Picture.Select((_, i) => Value(Reflect(i / 2 / 5 - down, 5), Reflect(i / 2 % 5 - right, 4), i % 2))];

        static int Reflect(int place, int last)
        {
            while (place < 0 || place > last)
            {
                place = place < 0 ? -place : 2 * last - place;
            }

            return place;
        }
    }

    [TestMethod]
    public void A_resized_crop_shows_a_part_of_the_picture_in_near_proportions()
    {
        // A plane's crop is a plane: its slopes tell how much of each side is seen, its ends that it lies within the picture.
        var square = new ImageShape(40, 40, 1);
        float[] plane = [.. Enumerable.Range(0, 1600).Select(i => 100f * (i / 40) + i % 40)];
        var augmentation = new Augmentation(new AugmentationOptions { ResizedCrop = 0.75 }, square, [0], seed: 5);
        var areas = new List<double>();
        for (int index = 0; index < 200; index++)
        {
            float[] image = [.. plane];
            augmentation.Apply(image, 0, index);
            double height = (image[21 * 40 + 20] - image[20 * 40 + 20]) / 100.0, width = image[20 * 40 + 21] - image[20 * 40 + 20];
            Assert.IsTrue(height is > 0 and < 1.001 && width is > 0 and < 1.001);
            Assert.IsTrue(height / width is > 0.749 and < 1.335);
            Assert.IsTrue(image.All(value => value >= 0 && value <= plane[^1]));
            areas.Add(height * width);
        }

        Assert.IsTrue(areas.Min() is > 0.249 and < 0.35 && areas.Max() is > 0.9 and < 1.001);
    }

    [TestMethod]
    public void What_a_line_says_can_be_read_again()
    {
        var all = new AugmentationOptions
        {
            Shift = 0.1,
            HorizontalFlip = true,
            AlternatingFlip = true,
            VerticalFlip = true,
            ReflectBorder = true,
            Rotation = 12.5,
            Scale = 0.2,
            ResizedCrop = 0.6,
            Brightness = 0.3,
            Contrast = 0.4,
            Saturation = 0.5,
            Hue = 0.05,
            Cutout = 0.25,
            Erasing = 0.1,
            Mixup = 0.2,
            CutMix = 1,
        };

        Assert.AreEqual(all, AugmentationOptions.Parse(all.ToString()));
        Assert.AreEqual(AugmentationOptions.Photographs, AugmentationOptions.Parse("shift 0.125, horizontal flip, alternating flip"));
        Assert.AreEqual(AugmentationOptions.None, AugmentationOptions.Parse("none"));
        Assert.AreEqual(typeof(AugmentationOptions).GetProperties().Count(property => property.CanWrite), AugmentationChange.All.Count, "every option is in the table");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => AugmentationOptions.Parse("shfit 0.1")).Message, "but is shfit 0.1");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => AugmentationOptions.Parse("shift")).Message, "shift must have a size");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => AugmentationOptions.Parse("shift much")).Message, "as in shift 0.1, but is shift much");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => AugmentationOptions.Parse("hue 0.6")).Message, "Augmentation.Hue must be in [0, 0.5], but is 0.6");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => AugmentationOptions.Parse("alternating flip")).Message, "goes with HorizontalFlip");
    }

    [TestMethod]
    public void Changes_depend_on_seed_epoch_and_image_alone()
    {
        var options = new AugmentationOptions { Shift = 0.3, HorizontalFlip = true, Rotation = 20, Scale = 0.2, Cutout = 0.3, Brightness = 0.2, ResizedCrop = 0.3, Contrast = 0.1, Erasing = 0.5 };
        float[] one = Augment(options, 2, 9);

        CollectionAssert.AreEqual(one, Augment(options, 2, 9));
        CollectionAssert.AreNotEqual(one, Augment(options, 2, 10));
        CollectionAssert.AreNotEqual(one, Augment(options, 3, 9));
        CollectionAssert.AreNotEqual(one, Augment(options, 2, 9, seed: 12));
    }

    [TestMethod]
    public void Augmented_training_is_the_same_with_any_number_of_threads_and_leaves_the_validation_alone()
    {
        var options = new TrainingOptions { Network = NetworkSpec.For(8, 8, 1).Conv(4, 3).Relu().Flatten().Dense(3), Optimizer = new SgdOptions(), Epochs = 2, BatchSize = 16, Seed = 3 };
        var augmented = options with { Augmentation = new AugmentationOptions { Shift = 0.2, Rotation = 10 } };

        float[] one = Weights(augmented with { Threads = 1 });
        CollectionAssert.AreEqual(one, Weights(augmented with { Threads = 3 }));
        CollectionAssert.AreNotEqual(one, Weights(options));
        CollectionAssert.AreEqual(Weights(options), Weights(options with { Augmentation = new AugmentationOptions() }));
    }

    [TestMethod]
    public void Bad_settings_are_refused_by_name() => StringAssert.Contains(
        Assert.ThrowsExactly<ArgumentException>(() => new ImageClassifierTrainer(new TrainingOptions { Augmentation = new AugmentationOptions { Scale = 1 } })).Message,
        "Augmentation.Scale must be in [0, 1), but is 1");

    /// <summary><see cref="Picture"/>, changed.</summary>
    internal static float[] Augment(AugmentationOptions options, int epoch, int index, int seed = 11)
    {
        float[] image = [.. Picture];
        new Augmentation(options, Shape, [-1, -2], seed).Apply(image, epoch, index);
        return image;
    }

    private static float Value(int row, int column, int channel) => Picture[(row * 5 + column) * 2 + channel];

    private static float[] Weights(TrainingOptions options) =>
        [.. new ImageClassifierTrainer(options).Fit(SyntheticImages.Create(60, 1)).Parameters.SelectMany(parameter => parameter.Values.ToArray())];
}
