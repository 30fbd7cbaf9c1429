using Kfac.Images;
using Kfac.Models;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Training;

namespace Kfac.Tests.Training;

/// <summary>What a training takes where nothing is said.</summary>
[TestClass]
public sealed class RecipeTests
{
    private static readonly ImageShape Photograph = new(24, 26, 3);

    [TestMethod]
    [DataRow(100, 80)]
    [DataRow(1_120, 80)]
    [DataRow(5_000, 38)]
    [DataRow(50_000, 12)]
    [DataRow(1_000_000, 12)]
    public void Fewer_photographs_are_seen_more_often(int count, int epochs) =>
        Assert.AreEqual(epochs, Complete(new TrainingOptions(), new ImageShape(32, 32, 3), count).Epochs);

    [TestMethod]
    [DataRow(32, 50_000, 24, true)]
    [DataRow(32, 100, 160, true)]
    [DataRow(20, 50_000, 10, false)]
    public void A_thorough_training_of_photographs_takes_twice_the_epochs_and_averages_moved_images(int side, int count, int epochs, bool shifted)
    {
        TrainingOptions options = Complete(new TrainingOptions { Thorough = true }, new ImageShape(side, side, 3), count);

        Assert.AreEqual((epochs, shifted), (options.Epochs, options.AverageShifted));
        Assert.AreEqual(7, Complete(new TrainingOptions { Thorough = true, Epochs = 7 }, new ImageShape(side, side, 3), count).Epochs);
    }

    [TestMethod]
    public void Photographs_get_a_network_and_a_course_of_their_own()
    {
        TrainingOptions options = Complete(new TrainingOptions(), new ImageShape(32, 32, 3), 50_000);

        Assert.AreEqual(NetworkSpec.PhotographCnn(new ImageShape(32, 32, 3), 2), options.Network);
        Assert.AreEqual((true, 0.02), (options.AverageMirrored, options.CalibrationFraction));
    }

    [TestMethod]
    [DataRow(24, 0.2f, "shift 0.0625, reflected border, horizontal flip, alternating flip")]
    [DataRow(25, 0.1f, "shift 0.125, horizontal flip, alternating flip")]
    public void Many_epochs_want_larger_shifts_and_less_smoothing(int epochs, float smoothing, string augmentation)
    {
        TrainingOptions options = Complete(new TrainingOptions { Epochs = epochs }, new ImageShape(32, 32, 3), 1_000);

        Assert.AreEqual((smoothing, augmentation), (options.LabelSmoothing, $"{options.Augmentation}"));
    }

    [TestMethod]
    [DataRow(32, 32, 1)]
    [DataRow(23, 32, 3)]
    public void Thumbnails_keep_what_suits_them(int height, int width, int channels)
    {
        var shape = new ImageShape(height, width, channels);
        TrainingOptions options = Complete(new TrainingOptions(), shape, 50_000);

        Assert.AreEqual(NetworkSpec.SmallCnn(shape, 2), options.Network);
        Assert.AreEqual(AugmentationOptions.None, options.Augmentation);
        Assert.AreEqual((10, 0f, false, 0.0), (options.Epochs, options.LabelSmoothing, options.AverageMirrored, options.CalibrationFraction));
    }

    [TestMethod]
    [DataRow(100, 60, 0.005f)]
    [DataRow(360, 37, 0.005f)]
    [DataRow(5_000, 10, 0.002f)]
    [DataRow(50_000, 10, 0.0002f)]
    public void Networks_without_convolutions_get_epochs_and_an_L2_term_for_their_number_of_examples(int count, int epochs, float l2)
    {
        TrainingOptions options = Complete(new TrainingOptions(), ImageShape.Flat(12), count), adam = Complete(new TrainingOptions { Optimizer = new AdamOptions() }, ImageShape.Flat(12), count);

        Assert.AreEqual((epochs, l2), (options.Epochs, options.Optimizer.L2));
        Assert.AreEqual((epochs, null), (adam.Epochs, adam.Optimizer.L2));
    }

    [TestMethod]
    [DataRow(1, 12_544, 1, 0.25f)]
    [DataRow(1, 12_544, 16, 1)]
    [DataRow(1, 12_544, 100, 2)]
    [DataRow(3, 12_544, 1, 1)] // 196 steps of 64
    [DataRow(3, 12_544, 4, 0.6071f)]
    [DataRow(3, 12_544, 16, 0.3036f)]
    [DataRow(3, 50_176, 16, 0.2147f)] // 392 steps of 128
    public void Weight_decay_grows_with_the_epochs_without_normalisations_and_falls_with_the_steps_with_them(int channels, int count, int epochs, float decay)
    {
        var asked = new TrainingOptions { Epochs = epochs };
        TrainingOptions options = Complete(asked, new ImageShape(32, 32, channels), count);

        Assert.AreEqual(decay, options.Optimizer.Decay, 1e-4);
        Assert.AreEqual(3, Complete(asked with { Optimizer = new KfacOptions { WeightDecay = 3 } }, new ImageShape(32, 32, channels), count).Optimizer.Decay);
        Assert.AreEqual(0, Complete(asked with { Optimizer = KfacOptions.NaturalGradient }, new ImageShape(32, 32, channels), count).Optimizer.Decay);
        Assert.AreEqual(0, Complete(asked with { Optimizer = new MuonOptions() }, new ImageShape(32, 32, channels), count).Optimizer.Decay);
        Assert.AreEqual(0.1f, Complete(asked with { Optimizer = new KfacOptions { LearningRate = 10 } }, new ImageShape(32, 32, channels), count).Optimizer.Decay);
    }

    [TestMethod]
    public void What_is_asked_for_stays()
    {
        var asked = new TrainingOptions
        {
            Epochs = 3,
            Optimizer = new KfacOptions { L2 = 0 },
            Network = NetworkSpec.For(32, 32, 3).Flatten().Dense(2),
            Augmentation = AugmentationOptions.None,
            LabelSmoothing = 0.3f,
            AverageMirrored = true,
            CalibrationFraction = 0.2,
        };
        Assert.AreEqual(asked, Complete(asked, new ImageShape(32, 32, 3), 5_000));
    }

    [TestMethod]
    public void Small_sets_are_trained_on_whole_and_validation_images_calibrate()
    {
        Assert.AreEqual(0, Complete(new TrainingOptions(), Photograph, 499).CalibrationFraction);
        Assert.AreEqual(0.1, Complete(new TrainingOptions(), Photograph, 500).CalibrationFraction);
        Assert.AreEqual(0, Recipe.Complete(new TrainingOptions(), Images(500), hasValidation: true, network: null).CalibrationFraction);
    }

    [TestMethod]
    public void A_training_on_photographs_says_what_it_chose_and_calibrates()
    {
        List<string> infos = [];
        var options = new TrainingOptions { Epochs = 2, Network = NetworkSpec.PhotographCnn(Photograph, 2, filters: 4), CalibrationFraction = 0.3, OnInfo = infos.Add };

        ImageClassifier model = new ImageClassifierTrainer(options).Fit(Images(40), null, null);

        Assert.IsTrue(model.AveragesMirrored);
        Assert.AreNotEqual(1, model.Temperature);
        Assert.IsNotNull(model.History[^1].ValidationLoss);
        Assert.Contains("12 of the 40 training images are set apart to calibrate the probabilities", infos);
        Assert.Contains("recipe: 2 epochs, batches of 28, augmentation shift 0.0625, reflected border, horizontal flip, alternating flip, label smoothing 0.2, weight decay 1", infos);
        Assert.Contains(info => info.StartsWith("calibration: temperature ", StringComparison.Ordinal) && info.EndsWith("by 12 images that were not trained on", StringComparison.Ordinal), infos);

        using var file = new MemoryStream();
        model.Save(file, withOptimizerState: true);
        file.Position = 0;
        ImageClassifier loaded = ImageClassifier.Load(file);
        Assert.AreEqual((model.Temperature, true, true), (loaded.Temperature, loaded.AveragesMirrored, loaded.HasOptimizerState));
        Assert.AreEqual(model.Recipe, loaded.Recipe);
        Assert.Contains($"recipe: {loaded.Recipe}", infos);
        Assert.AreEqual(AugmentationOptions.PhotographsInFewEpochs, AugmentationOptions.Parse(loaded.Recipe!.Augmentation));
    }

    [TestMethod]
    public void Learning_by_heart_is_said()
    {
        // Classes by chance: nothing can be learnt but the images themselves.
        var random = new SplitMix64(3, RandomStream.ImageOrder);
        (MemoryImageSource training, MemoryImageSource validation) = (new(new ImageShape(6, 6, 1), 2), new(new ImageShape(6, 6, 1), 2));
        for (int n = 0; n < 80; n++)
        {
            (n < 40 ? training : validation).Add([.. Enumerable.Range(0, 36).Select(_ => (float)random.NextGaussian())], n / 2 % 2, 1);
        }

        List<string> warnings = [];
        var options = new TrainingOptions { Network = NetworkSpec.For(6, 6, 1).Flatten().Dense(64).Relu().Dense(2), Epochs = 60, OnWarning = warnings.Add };
        new ImageClassifierTrainer(options).Fit(training, validation);

        Assert.Contains(warning => warning.StartsWith("the network overfits: since epoch ", StringComparison.Ordinal), warnings);
    }

    [TestMethod]
    public void A_frozen_layer_stays_as_it_began()
    {
        NetworkSpec spec = NetworkSpec.For(24, 26, 3).Whiten(6, 2).Relu().Add(new Conv2DSpec(4, 3, 3) { IsFrozen = true, Initialization = FilterInitialization.Identity }).GlobalAveragePool().Dense(2);
        ImageClassifier one = Fit(1), three = Fit(3);

        CollectionAssert.AreEqual(one.Parameters[0].Values.ToArray(), three.Parameters[0].Values.ToArray());
        CollectionAssert.AreEqual(one.Parameters[1].Values.ToArray(), three.Parameters[1].Values.ToArray());
        CollectionAssert.AreNotEqual(one.Parameters[^2].Values.ToArray(), three.Parameters[^2].Values.ToArray());

        ImageClassifier Fit(int epochs) => new ImageClassifierTrainer(new TrainingOptions { Network = spec, Epochs = epochs, Optimizer = new KfacOptions() }).Fit(Images(40), null, null);
    }

    [TestMethod]
    public void The_first_layer_whitens_patches()
    {
        // A step of no length: the filters are as they began.
        NetworkSpec spec = NetworkSpec.For(24, 26, 3).Whiten(24, 2).Gelu().GlobalAveragePool().Dense(2);
        ImageSet images = Images(200);
        ImageClassifier model = new ImageClassifierTrainer(new TrainingOptions { Network = spec, Epochs = 1 }).Fit(images, null, null);
        ReadOnlySpan<float> filter = model.Parameters[0].Values;

        double[,] covariance = new double[12, 12];
        int patches = 0;
        float[] pixels = new float[Photograph.Size], scaled = new float[Photograph.Size];
        using ImageSequence sequence = images.Open(seed: null);
        sequence.Begin(epoch: 0);
        for (int n = 0; n < 200; n++)
        {
            sequence.Next(pixels, isWanted: true, out _, out _);
            model.Scaling.Apply(pixels, scaled);
            for (int i = 0; i < 23; i++)
            {
                for (int j = 0; j < 25; j++, patches++)
                {
                    double[] outputs = new double[12];
                    for (int k = 0; k < 12; k++)
                    {
                        for (int p = 0; p < 12; p++)
                        {
                            (int row, int column, int channel) = (p / 6, p / 3 % 2, p % 3);
                            outputs[k] += filter[p * 24 + k] * (double)scaled[((i + row) * 26 + j + column) * 3 + channel];
                        }
                    }

                    for (int a = 0; a < 12; a++)
                    {
                        for (int b = 0; b < 12; b++)
                        {
                            covariance[a, b] += outputs[a] * outputs[b];
                        }
                    }
                }
            }
        }

        for (int a = 0; a < 12; a++)
        {
            for (int b = 0; b < 12; b++)
            {
                Assert.AreEqual(a == b ? 1 : 0, covariance[a, b] / patches, 0.03, $"{a}, {b}");
            }

            for (int p = 0; p < 12; p++)
            {
                Assert.AreEqual(-filter[p * 24 + a], filter[p * 24 + 12 + a]);
            }
        }
    }

    [TestMethod]
    public void Identity_filters_copy_their_channel()
    {
        NetworkSpec spec = NetworkSpec.For(6, 7, 2).Add(new Conv2DSpec(3, 3, 3, UseBias: false) { Initialization = FilterInitialization.Identity }).GlobalAveragePool();
        using var workers = new Kfac.Parallel.Workers(1);
        var network = new Kfac.Running.Network(spec, capacity: 1, workers, trains: false);
        network.Initialize(seed: 3);
        ReadOnlySpan<float> filter = network.Store.Parameters[0].Values;
        for (int i = 0; i < 18; i++)
        {
            (int tap, int channel) = (i / 2, i % 2);
            Assert.AreEqual(tap == 4 && channel == 0 ? 1 : 0, filter[i * 3]);
            Assert.AreEqual(tap == 4 && channel == 1 ? 1 : 0, filter[i * 3 + 1]);
            Assert.AreNotEqual(0, filter[i * 3 + 2]);
        }
    }

    [TestMethod]
    public void Only_a_first_layer_whitens() => StringAssert.Contains(
        Assert.ThrowsExactly<ArgumentException>(() => NetworkSpec.For(8, 8, 3).Conv(3, 3).Whiten(6, 2)).Message, "only the first layer's filters can whiten");

    [TestMethod]
    [DataRow(5)]
    [DataRow(26)]
    public void Filters_that_whiten_come_in_pairs_of_what_a_patch_has(int filters) => StringAssert.Contains(
        Assert.ThrowsExactly<ArgumentException>(() => NetworkSpec.For(8, 8, 3).Whiten(filters, 2)).Message, $"at most 12 eigenvectors, in one group, but there are {filters}");

    [TestMethod]
    [DataRow(24)]
    [DataRow(32)]
    [DataRow(64)]
    [DataRow(96)]
    [DataRow(224)]
    [DataRow(512)]
    public void A_network_for_photographs_fits_any_size(int side)
    {
        NetworkSpec spec = NetworkSpec.PhotographCnn(new ImageShape(side, side * 3 / 2, 3), 5);
        Assert.AreEqual(ImageShape.Flat(5), spec.Output);
        Assert.IsLessThan(1_300_000_000, spec.Summarize().Sum(layer => layer.MultiplyAdds));
    }

    private static TrainingOptions Complete(TrainingOptions options, ImageShape shape, int count)
    {
        TrainingOptions completed = Recipe.Complete(options, new Counted(shape, count), hasValidation: false, network: null);
        completed.Validate();
        return completed;
    }

    /// <summary>Neighbouring pixels go together, as in photographs; bright images are of class 1.</summary>
    private static ImageSet Images(int count)
    {
        var images = new MemoryImageSource(Photograph, 2);
        var random = new SplitMix64(7, RandomStream.ImageOrder);
        for (int n = 0; n < count; n++)
        {
            float[] pixels = new float[Photograph.Size];
            float value = 100 + n % 2 * 20;
            for (int i = 0; i < pixels.Length; i++)
            {
                value = 0.8f * value + 0.2f * (100 + n % 2 * 20) + 10 * (float)random.NextGaussian();
                pixels[i] = value;
            }

            images.Add(pixels, n % 2, 1);
        }

        return ImageSet.Of(images);
    }

    /// <summary>So many images that nobody looks at.</summary>
    private sealed class Counted(ImageShape shape, int count) : ImageSet(shape, [count / 2, count - count / 2], [1, 1])
    {
        public override bool IsInMemory => true;

        public override (ImageSet Training, ImageSet Validation) Split(double fraction, int seed) => throw new NotSupportedException();

        internal override string Describe() => "";

        internal override InputScaling MeasureScaling() => throw new NotSupportedException();

        internal override ImageSequence Open(int? seed) => throw new NotSupportedException();
    }
}
