using Kfac.Images;
using Kfac.Models;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Parallel;
using Kfac.Tests.Parallel;
using Kfac.Training;

namespace Kfac.Tests.Images;

/// <summary>Images that do not fit into memory.</summary>
[TestClass]
public sealed class ImageStreamTests
{
    [TestMethod]
    public void The_budget_decides_where_images_are()
    {
        // 64 images of 64 bytes are a chunk of 4,096 bytes.
        var stream = new SourceStream(SyntheticImages.Create(200, 1));

        Assert.IsTrue(ImageSet.Load(stream, 4 * 4096).IsInMemory);
        ImageSet streamed = ImageSet.Load(stream, 4 * 4096 - 1);
        Assert.IsFalse(streamed.IsInMemory);
        Assert.AreEqual(200, streamed.Count);
        CollectionAssert.AreEqual((int[])[67, 67, 66], streamed.ClassCounts.ToArray());
        Assert.AreEqual(2, stream.Passes, "one for each set");
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(7)]
    [DataRow(1000)]
    public void Every_epoch_has_every_image_once_in_its_own_order(int buffer)
    {
        using var sequence = new StreamSequence(new SourceStream(SyntheticImages.Create(100, 1)), 100, seed: 5, buffer);
        int[] first = Order(sequence, 0), second = Order(sequence, 1);

        CollectionAssert.AreEquivalent(Enumerable.Range(0, 100).ToArray(), first);
        CollectionAssert.AreEquivalent(first, second);
        CollectionAssert.AreEqual(first, Order(sequence, 0));
        Assert.AreEqual(buffer == 1, first.SequenceEqual(second));
        Assert.IsTrue(first.Select((image, place) => image - place).All(ahead => ahead < buffer), "no image comes before the buffer has reached it");
    }

    [TestMethod]
    public void Images_are_the_streams()
    {
        MemoryImageSource source = SyntheticImages.Create(50, 1);
        using var sequence = new StreamSequence(new SourceStream(source), 50, seed: 5, capacity: 9);
        float[] expected = new float[64], pixels = new float[64];
        sequence.Begin(0);
        for (int n = 0; n < 50; n++)
        {
            int index = sequence.Next(pixels, isWanted: true, out int label, out float weight);
            source.ReadImage(index, expected);
            CollectionAssert.AreEqual(expected, pixels);
            Assert.AreEqual((source.GetLabel(index), 1f), (label, weight));
        }
    }

    [TestMethod]
    public void Stratified_parts_are_the_whole_in_every_pass()
    {
        var stream = new SourceStream(SyntheticImages.Create(200, 1));
        (ImageSet training, ImageSet validation) = ImageSet.Load(stream, 4096).Split(0.1, seed: 3);

        CollectionAssert.AreEqual((int[])[7, 7, 7], validation.ClassCounts.ToArray());
        CollectionAssert.AreEqual((int[])[60, 60, 59], training.ClassCounts.ToArray());
        string[] apart = Pictures(validation, 0), rest = Pictures(training, 0);
        CollectionAssert.AreEqual(apart, Pictures(validation, 1), "validation images come in their order");
        CollectionAssert.AreEquivalent(Pictures(ImageSet.Of(SyntheticImages.Create(200, 1)), 0), apart.Concat(rest).ToArray());
        CollectionAssert.AreNotEqual(apart, Pictures(ImageSet.Load(stream, 4096).Split(0.1, seed: 4).Validation, 0));
    }

    [TestMethod]
    public void The_same_images_are_set_apart_whether_or_not_they_fit_into_memory()
    {
        var stream = new SourceStream(SyntheticImages.Create(200, 1));

        string[] fromMemory = Pictures(ImageSet.Load(stream, 1 << 30).Split(0.1, seed: 3).Validation, 0);
        string[] fromPasses = Pictures(ImageSet.Load(stream, 4096).Split(0.1, seed: 3).Validation, 0);

        CollectionAssert.AreEqual(fromPasses, fromMemory);
    }

    [TestMethod]
    public void Streamed_training_learns_and_is_the_same_with_any_number_of_threads()
    {
        var options = new TrainingOptions
        {
            Network = NetworkSpec.For(8, 8, 1).Conv(8, 3).Relu().MaxPool(2).Flatten().Dense(3),
            Epochs = 6,
            BatchSize = 16,
            Seed = 3,
        };

        ImageClassifier Train(int threads) => new ImageClassifierTrainer(options with { Threads = threads }).Fit(
            ImageSet.Load(new SourceStream(SyntheticImages.Create(240, 1)), 4096), ImageSet.Load(new SourceStream(SyntheticImages.Create(120, 2)), 4096), previous: null);
        ImageClassifier model = Train(1);

        Assert.IsGreaterThan(0.9, model.History[^1].ValidationAccuracy!.Value);
        CollectionAssert.AreEqual(Weights(model), Weights(Train(3)));
        // All images are measured, as in memory.
        Assert.AreEqual(ImageSet.Of(SyntheticImages.Create(240, 1)).MeasureScaling().Mean[0], model.Scaling.Mean[0]);
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    [DataRow(57)]
    [DataRow(99)]
    public void An_epoch_goes_on_at_any_of_its_images(int position)
    {
        using var stream = new StreamSequence(new SourceStream(SyntheticImages.Create(100, 1)), 100, seed: 5, capacity: 9);
        using var source = new SourceSequence(SyntheticImages.Create(100, 1), seed: 5);
        foreach (ImageSequence sequence in (ImageSequence[])[stream, source])
        {
            int[] whole = Order(sequence, 3);
            CollectionAssert.AreEqual(whole[position..], Order(sequence, 3, position));
        }
    }

    [TestMethod]
    public void A_later_pass_must_be_the_first_again()
    {
        ARefusedPass(stream => stream.MaxImages = 150, "gave 200 images, a later one only 150 images");
        ARefusedPass(stream => stream.Source = SyntheticImages.Create(230, 1), "gave 200 images, a later one more images");
        ARefusedPass(stream => stream.Source = SyntheticImages.Create(200, 2), "gave 200 images, a later one other images");
        ARefusedPass(stream => stream.Order = [.. Enumerable.Range(0, 200).Reverse()], "gave 200 images, a later one the same images in another order");
        ARefusedPass(stream => stream.Order = [1, 0, .. Enumerable.Range(2, 198)], "the same images in another order");

        static void ARefusedPass(Action<SourceStream> change, string part)
        {
            var stream = new SourceStream(SyntheticImages.Create(200, 1));
            (ImageSet training, ImageSet validation) = ImageSet.Load(stream, 4096).Split(0.2, seed: 3);
            change(stream);

            string message = Assert.ThrowsExactly<InvalidOperationException>(() => new ImageClassifierTrainer(new TrainingOptions { Network = NetworkSpec.For(8, 8, 1).Flatten().Dense(3) }).Fit(training, validation, null)).Message;

            StringAssert.Contains(message, part);
            StringAssert.Contains(message, "Every pass must give the same images in the same order: shuffle and draw once, before the training, or hold all images in memory by a larger MemoryBudget");
        }
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(9)]
    [DataRow(100)]
    public void Pixels_that_nobody_wants_are_not_read(int capacity)
    {
        MemoryImageSource images = SyntheticImages.Create(100, 1);
        var stream = new SourceStream(images);
        using var sequence = new StreamSequence(stream, 100, seed: 5, capacity);
        int[] order = Order(sequence, 3);
        (float[] pixels, float[] expected, int before) = (new float[64], new float[64], stream.PixelsRead);
        Assert.AreEqual(100, before);

        sequence.Begin(3, position: 20, IsWanted);
        for (int position = 20; position < 100; position++)
        {
            int index = sequence.Next(pixels, IsWanted(position), out int label, out _);
            Assert.AreEqual((order[position], images.GetLabel(index)), (index, label));
            if (IsWanted(position))
            {
                images.ReadImage(index, expected);
                CollectionAssert.AreEqual(expected, pixels);
            }
        }

        Assert.AreEqual(before + Enumerable.Range(20, 80).Count(IsWanted), stream.PixelsRead);

        static bool IsWanted(int position) => position % 3 == 1;
    }

    [TestMethod]
    [DataRow("none")]
    [DataRow("rotation 10, mixup 0.5", DisplayName = "no bytes any more, and mixed")]
    public void Ranks_read_the_pixels_of_their_own_images(string augmentation)
    {
        var options = new TrainingOptions
        {
            Network = NetworkSpec.For(8, 8, 1).Conv(4, 3).Relu().Flatten().Dense(3),
            Epochs = 2,
            BatchSize = 32,
            Augmentation = AugmentationOptions.Parse(augmentation),
        };
        float[] Train(SourceStream stream, Communicator ranks) =>
            Weights(new ImageClassifierTrainer(options with { Communicator = ranks }).Fit(ImageSet.Load(stream, 4096), null, null));
        float[] expected = Train(new SourceStream(SyntheticImages.Create(200, 1)), Communicator.Solo);
        SourceStream[] streams = [.. Enumerable.Range(0, 3).Select(_ => new SourceStream(SyntheticImages.Create(200, 1)))];

        float[][] weights = ThreadRanks.Run(3, ranks => Train(streams[ranks.Rank], ranks));

        Array.ForEach(weights, actual => CollectionAssert.AreEqual(expected, actual));
        Assert.AreEqual((3 + 2) * 200, streams.Sum(stream => stream.PixelsRead), "a first pass of each rank, and two epochs of all together");
    }

    [TestMethod]
    public void Ranks_calibrate_and_go_on_with_the_pixels_of_their_own_images()
    {
        string folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            float[] expected = Weights(Train(Communicator.Solo, checkpoints: null, steps: int.MaxValue));

            Assert.ThrowsExactly<OperationCanceledException>(() => ThreadRanks.Run(2, ranks => Train(ranks, folder, steps: 7)));
            foreach (ImageClassifier model in ThreadRanks.Run(3, ranks => Train(ranks, folder, steps: int.MaxValue)))
            {
                CollectionAssert.AreEqual(expected, Weights(model));
                Assert.AreNotEqual(1, model.Temperature);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        // Cancelled in the middle of the second epoch of five steps.
        static ImageClassifier Train(Communicator ranks, string? checkpoints, int steps)
        {
            using var cancellation = new CancellationTokenSource();
            var options = new TrainingOptions
            {
                Network = NetworkSpec.For(8, 8, 1).Conv(4, 3).Relu().Flatten().Dense(3),
                Epochs = 2,
                BatchSize = 32,
                CalibrationFraction = 0.2,
                Communicator = ranks,
                CheckpointPath = ranks.Rank == 0 ? checkpoints : null,
                OnBatch = _ =>
                {
                    if (--steps == 0)
                    {
                        cancellation.Cancel();
                    }
                },
            };
            return new ImageClassifierTrainer(options).Fit(ImageSet.Load(new SourceStream(SyntheticImages.Create(200, 1)), 4096), null, null, cancellation.Token);
        }
    }

    [TestMethod]
    public void Ranks_notice_other_labels_in_a_later_pass()
    {
        string message = Assert.ThrowsExactly<InvalidOperationException>(() => ThreadRanks.Run(2, ranks =>
        {
            var stream = new SourceStream(SyntheticImages.Create(200, 1));
            ImageSet training = ImageSet.Load(stream, 4096);
            stream.Order = [.. Enumerable.Range(0, 200).Reverse()];
            return new ImageClassifierTrainer(new TrainingOptions { Network = NetworkSpec.For(8, 8, 1).Flatten().Dense(3), Communicator = ranks }).Fit(training, null, null);
        })).Message;

        Assert.Contains("gave 200 images, a later one other labels or weights, or the same in another order", message);
    }

    [TestMethod]
    public void Steps_allocate_nothing()
    {
        // What others in this process allocate meanwhile is in some steps; what a step allocates would be in all.
        var allocated = new List<long>(100);
        var options = new TrainingOptions
        {
            Network = NetworkSpec.For(8, 8, 1).Conv(4, 3).Relu().Flatten().Dense(3),
            Optimizer = new SgdOptions(),
            Augmentation = new AugmentationOptions { Shift = 0.1, Rotation = 5, Cutout = 0.2 },
            Epochs = 2,
            BatchSize = 32,
            Threads = 2,
            OnBatch = report =>
            {
                if (report.Epoch == 2)
                {
                    allocated.Add(GC.GetTotalAllocatedBytes(precise: true));
                }
            },
        };

        new ImageClassifierTrainer(options).Fit(ImageSet.Load(new SourceStream(SyntheticImages.Create(2000, 1)), 4096), null, null);

        long[] steps = [.. allocated.Skip(1).Zip(allocated, (after, before) => after - before).Order()];
        Assert.HasCount(62, steps);
        Assert.AreEqual(0, steps[steps.Length / 4]);
    }

    private static int[] Order(ImageSequence sequence, int epoch, int position = 0)
    {
        var pixels = new float[64];
        sequence.Begin(epoch, position);
        return [.. Enumerable.Range(position, sequence.Count - position).Select(_ => sequence.Next(pixels, isWanted: true, out int _, out float _))];
    }

    private static string[] Pictures(ImageSet set, int epoch)
    {
        using ImageSequence sequence = set.Open(seed: null);
        var pixels = new float[64];
        sequence.Begin(epoch);
        return [.. Enumerable.Range(0, set.Count).Select(_ =>
        {
            sequence.Next(pixels, isWanted: true, out int label, out float _);
            return $"{label} {string.Join(' ', pixels)}";
        })];
    }

    private static float[] Weights(ImageClassifier model) => [.. model.Parameters.SelectMany(parameter => parameter.Values.ToArray())];
}
