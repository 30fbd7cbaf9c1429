using Kfac.Images;
using Kfac.Networks;
using Kfac.Parallel;
using Kfac.Running;

namespace Kfac.Tests.Foundation;

/// <summary>Whoever draws random numbers has a stream of its own.</summary>
[TestClass]
public sealed class RandomStreamTests
{
    private const int Classes = 3, Batch = 64, Batches = 100;

    [TestMethod]
    public void The_engine_draws_from_named_streams_alone()
    {
        Type[] drawing = [.. typeof(ImageShape).Assembly.GetTypes().Where(type => type.Namespace?.StartsWith("Kfac", StringComparison.Ordinal) == true && UsedTypes.Of(type).Contains(typeof(Random)))];

        Assert.IsEmpty(drawing, string.Join<Type>(", ", drawing));
    }

    [TestMethod]
    public void Streams_seeds_and_indices_give_numbers_of_their_own()
    {
        var seen = new HashSet<ulong>();
        int opened = 0;
        foreach (RandomStream stream in Enum.GetValues<RandomStream>())
        {
            for (int seed = -2; seed <= 2; seed++)
            {
                for (int first = 0; first < 5; first++)
                {
                    for (int second = 0; second < 5; second++)
                    {
                        opened++;
                        seen.Add(new SplitMix64(seed, stream, first, second).Next());
                    }
                }
            }
        }

        Assert.HasCount(opened, seen);
    }

    [TestMethod]
    public void Streams_are_uncorrelated()
    {
        RandomStream[] streams = Enum.GetValues<RandomStream>();
        const int Draws = 20_000;
        foreach (RandomStream left in streams)
        {
            foreach (RandomStream right in streams.Where(other => other > left))
            {
                SplitMix64 a = new(1, left), b = new(1, right);
                double sum = 0;
                for (int i = 0; i < Draws; i++)
                {
                    sum += (a.NextDouble() - 0.5) * (b.NextDouble() - 0.5);
                }

                // The variance of a product is 1/144.
                Assert.IsLessThan(5, Math.Abs(sum) * 12 / Math.Sqrt(Draws), $"{left} and {right}");
            }
        }
    }

    /// <summary>Image order and labels once came from one stream: the label drawn for an image of a sorted set was its own in 94 % of the first batch.</summary>
    [TestMethod]
    public void Sampled_labels_know_nothing_of_the_order_of_sorted_images()
    {
        var images = new MemoryImageSource(new ImageShape(1, 1, 1), Classes);
        for (int n = 0; n < Batch * Batches; n++)
        {
            images.Add([n], n * Classes / (Batch * Batches));
        }

        using var workers = new Workers(1);
        var network = new Network(NetworkSpec.For(1, 1, 1).Dense(Classes), Batch, workers, trains: true);
        var loss = new SoftmaxCrossEntropy(Classes, Batch);
        using ImageSequence order = ImageSet.Of(images).Open(seed: 7);
        order.Begin(0);
        int[] labels = new int[Batch];
        var pixel = new float[1];
        int own = 0;
        for (int step = 0; step < Batches; step++)
        {
            for (int n = 0; n < Batch; n++)
            {
                order.Next(pixel, isWanted: true, out labels[n], out _);
                network.Input.Write(n, [0]);
            }

            // With zero weights every class is as probable as the others, and a sampled class has the one negative gradient.
            network.Forward(Batch);
            loss.Forward(network.Logits, labels);
            loss.WriteSampledGradient(new SplitMix64(7, RandomStream.CurvatureLabels, step), Batch, network.LogitsGradient!);
            own += labels.Where((label, n) => network.LogitsGradient!.Row(n, 0)[label] < 0).Count();
        }

        double share = (double)own / (Batch * Batches), deviation = Math.Sqrt(2.0 / 9 / (Batch * Batches));
        Assert.IsLessThan(5 * deviation, Math.Abs(share - (1.0 / Classes)), $"{share:F4} of the labels are the images' own");
    }
}
