using Kfac.Parallel;

namespace Kfac.Tests.Parallel;

/// <summary>What ranks exchange, with ranks that are threads.</summary>
[TestClass]
public sealed class CommunicatorTests
{
    public static IEnumerable<object[]> Sizes => [[1], [2], [3], [4], [5], [8], [13]];

    [TestMethod]
    [DynamicData(nameof(Sizes))]
    public void A_broadcast_reaches_every_rank_from_any_root(int size)
    {
        for (int root = 0; root < size; root++)
        {
            long sent = 0;
            int[][] all = ThreadRanks.Run(size, ranks =>
            {
                int[] values = [ranks.Rank, -ranks.Rank, 7 * ranks.Rank];
                ranks.Broadcast<int>(values, root);
                Interlocked.Add(ref sent, ranks.BytesSent);
                return values;
            });

            foreach (int[] values in all)
            {
                CollectionAssert.AreEqual(new[] { root, -root, 7 * root }, values);
            }

            Assert.AreEqual((size - 1) * 3 * sizeof(int), sent);
        }
    }

    [TestMethod]
    [DynamicData(nameof(Sizes))]
    public void A_gather_brings_parts_of_any_length_to_every_rank(int size)
    {
        int[] starts = [.. Enumerable.Range(0, size + 1).Select(rank => rank * (rank + 1) / 2 - (rank > 2 ? 3 : rank))];
        float[][] all = ThreadRanks.Run(size, ranks =>
        {
            var values = new float[starts[^1]];
            for (int i = starts[ranks.Rank]; i < starts[ranks.Rank + 1]; i++)
            {
                values[i] = i + 0.5f;
            }

            ranks.AllGather<float>(values, starts);
            Assert.AreEqual(sizeof(float) * BytesAroundRing(starts, ranks.Rank, size), ranks.BytesSent);
            return values;
        });

        foreach (float[] values in all)
        {
            CollectionAssert.AreEqual(Enumerable.Range(0, starts[^1]).Select(i => i + 0.5f).ToArray(), values);
        }

        // A rank sends on every part but that of its neighbour.
        static long BytesAroundRing(int[] starts, int rank, int size) => starts[^1] - (starts[(rank + 1) % size + 1] - starts[(rank + 1) % size]);
    }

    [TestMethod]
    [DynamicData(nameof(Sizes))]
    public void Sums_have_the_bits_of_one_process(int size)
    {
        float[] terms = [.. Enumerable.Range(0, 8 * size).Select(i => MathF.Sin(i) * MathF.Pow(10, i % 9 - 4))];
        float expected = terms.Aggregate(0f, (sum, term) => sum + term);
        float[] sums = ThreadRanks.Run(size, ranks =>
        {
            float[] sum = [0];
            ranks.ReceiveSums<float>(sum);
            foreach (float term in terms.AsSpan(8 * ranks.Rank, 8))
            {
                sum[0] += term;
            }

            ranks.PassSums<float>(sum);
            ranks.ShareSums<float>(sum);
            return sum[0];
        });

        CollectionAssert.AreEqual(Enumerable.Repeat(expected, size).ToArray(), sums);
    }

    [TestMethod]
    [DynamicData(nameof(Sizes))]
    public void Any_hears_a_single_rank(int size)
    {
        for (int who = -1; who < size; who++)
        {
            bool[] heard = ThreadRanks.Run(size, ranks => ranks.Any(ranks.Rank == who));

            CollectionAssert.AreEqual(Enumerable.Repeat(who >= 0, size).ToArray(), heard);
        }
    }

    [TestMethod]
    [DynamicData(nameof(Sizes))]
    public void Nobody_passes_a_barrier_before_the_last_has_come(int size)
    {
        int arrived = 0;
        ThreadRanks.Run(size, ranks =>
        {
            Thread.Sleep(3 * ranks.Rank);
            Interlocked.Increment(ref arrived);
            ranks.Barrier();
            Assert.AreEqual(size, arrived);
            return true;
        });
    }

    [TestMethod]
    public void A_rank_that_fails_ends_the_others_with_its_reason()
    {
        CommunicatorException[] failures = [.. ThreadRanks.Run(3, ranks =>
        {
            if (ranks.Rank == 1)
            {
                ranks.Fail("no more paper");
                return null;
            }

            return Assert.ThrowsExactly<CommunicatorException>(ranks.Barrier);
        }).OfType<CommunicatorException>()];

        Assert.HasCount(2, failures);
        Assert.IsTrue(failures.All(failure => failure.Message == "rank 1 failed: no more paper"));
    }

    [TestMethod]
    [DataRow(0, 0)]
    [DataRow(-1, 2)]
    [DataRow(2, 2)]
    public void Rank_and_size_must_go_together(int rank, int size) => Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new Nobody(rank, size));

    private sealed class Nobody(int rank, int size) : Communicator(rank, size)
    {
        public override void Fail(string reason)
        {
        }

        protected override void Transfer(ReadOnlySpan<byte> outgoing, int to, Span<byte> incoming, int from)
        {
        }
    }
}
