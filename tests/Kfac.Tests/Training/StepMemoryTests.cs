using System.Globalization;
using System.Text.RegularExpressions;
using Kfac.Images;
using Kfac.Models;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Parallel;
using Kfac.Running;
using Kfac.Tests.Images;
using Kfac.Training;

namespace Kfac.Tests.Training;

/// <summary>What a training takes is known before its first step.</summary>
[TestClass]
public sealed class StepMemoryTests
{
    private static readonly NetworkSpec Wide = NetworkSpec.For(32, 32, 1).Conv(64, 3).Relu().Conv(64, 3).Relu().GlobalAveragePool().Dense(2);

    private static readonly LargeImages Sixty = new(new ImageShape(32, 32, 1), 60);

    private readonly List<string> _warnings = [];

    [TestMethod]
    [DataRow(2)]
    [DataRow(50)]
    public void The_meter_counts_what_is_then_allocated(int batchSize)
    {
        using var workers = new Workers(2);
        void Build()
        {
            var network = new Network(Wide, batchSize, workers, trains: true);
            _ = (network.Store.Values, network.Store.Gradients);
            _ = new KfacOptions().Create(network, seed: 1);
        }

        long counted = MemoryMeter.Measure(Build), before = GC.GetAllocatedBytesForCurrentThread();
        Build();
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.IsGreaterThan(1_000_000L, counted);
        Assert.AreEqual(allocated, counted, 0.1 * allocated);
    }

    [TestMethod]
    public void A_batch_that_does_not_fit_is_refused_with_advice()
    {
        string message = Refusal(Options with { BatchSize = 60, TrainingMemory = 40_000_000 }, Sixty);

        StringAssert.Matches(message, new Regex(@"a step of 60 images of 32x32x1 takes \d+\.\d MB, and TrainingMemory allows 40\.0 MB"));
        int fitting = int.Parse(Regex.Match(message, @"set BatchSize to (\d+) or less").Groups[1].Value, CultureInfo.InvariantCulture);
        Assert.IsInRange(1, 59, fitting);
        Fit(Options with { BatchSize = fitting, TrainingMemory = 40_000_000 }, Sixty);
        Refusal(Options with { BatchSize = fitting + 1, TrainingMemory = 40_000_000 }, Sixty);
    }

    [TestMethod]
    public void A_batch_size_left_to_the_trainer_becomes_one_that_fits()
    {
        ImageClassifier model = Fit(Options with { TrainingMemory = 40_000_000 }, Sixty);

        Assert.IsTrue(model.Parameters.All(parameter => parameter.Values.ToArray().All(float.IsFinite)));
        StringAssert.Contains(_warnings.Single(), "are taken");
    }

    [TestMethod]
    public void Batch_normalisation_is_not_given_a_few_images_only()
    {
        NetworkSpec normalised = NetworkSpec.For(32, 32, 1).Conv(64, 3).BatchNorm().Relu().Conv(64, 3).Relu().GlobalAveragePool().Dense(2);

        StringAssert.Contains(Refusal(Options with { Network = normalised, TrainingMemory = 25_000_000 }, Sixty), "take GroupNorm in its place");
    }

    [TestMethod]
    public void Millions_of_pixels_are_refused_with_advice()
    {
        var shape = new ImageShape(2800, 2900, 3);
        StringAssert.Contains(Refusal(new TrainingOptions { Network = NetworkSpec.SmallCnn(shape, 2), Threads = 2 }, new LargeImages(shape, 1)), "make the images smaller");
    }

    [TestMethod]
    [DataRow(4000, 5000, 1)]
    [DataRow(1080, 1920, 12)]
    [DataRow(512, 512, 4)]
    public void The_network_for_photographs_takes_large_ones(int height, int width, int count)
    {
        ImageClassifier model = new ImageClassifierTrainer(new TrainingOptions { Epochs = 1, Threads = 2, TrainingMemory = 2L << 30 }).Fit(new LargeImages(new ImageShape(height, width, 3), count));

        Assert.IsTrue(model.Parameters.All(parameter => parameter.Values.ToArray().All(float.IsFinite)));
    }

    [TestMethod]
    public void A_batch_is_no_larger_than_the_data()
    {
        MemoryImageSource images = SyntheticImages.Create(30, 1);
        TrainingOptions options = Options with { Network = NetworkSpec.For(8, 8, 1).Flatten().Dense(SyntheticImages.Classes) };

        CollectionAssert.AreEqual(Weights(Fit(options with { BatchSize = 30 }, images)), Weights(Fit(options with { BatchSize = 1_000_000 }, images)));
    }

    [TestMethod]
    public void Few_large_images_take_little_more_than_their_pixels()
    {
        var shape = new ImageShape(1000, 1000, 3);
        var images = new MemoryImageSource(shape, 2);
        images.Add(new float[shape.Size], 0);
        images.Add(new float[shape.Size], 1);

        Assert.IsLessThan(3L * shape.Size, images.Bytes);
    }

    private TrainingOptions Options => new() { Network = Wide, Epochs = 1, Threads = 2, Optimizer = new SgdOptions(), OnWarning = _warnings.Add };

    private static ImageClassifier Fit(TrainingOptions options, IImageSource images) => new ImageClassifierTrainer(options).Fit(images);

    private static string Refusal(TrainingOptions options, IImageSource images) => Assert.ThrowsExactly<ArgumentException>(() => Fit(options, images)).Message;

    private static float[] Weights(ImageClassifier model) => [.. model.Parameters.SelectMany(parameter => parameter.Values.ToArray())];

    private sealed class LargeImages(ImageShape shape, int count) : IImageSource
    {
        public ImageShape Shape => shape;

        public int ClassCount => 2;

        public int Count => count;

        public int GetLabel(int index) => index % 2;

        public void ReadImage(int index, Span<float> pixels)
        {
            // Noise, as photographs are never of one colour.
            uint state = (uint)index + 1;
            foreach (ref float pixel in pixels)
            {
                state = state * 1664525 + 1013904223;
                pixel = state >> 24;
            }
        }
    }
}
