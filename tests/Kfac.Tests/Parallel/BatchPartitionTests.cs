using Kfac.Memory;

namespace Kfac.Tests.Parallel;

/// <summary>Into how many slices a batch is cut, and who has them.</summary>
[TestClass]
public sealed class BatchPartitionTests
{
    [TestMethod]
    [DataRow(1, 1)]
    [DataRow(7, 7)]
    [DataRow(64, 8)]
    [DataRow(127, 15)]
    [DataRow(128, 16)]
    [DataRow(1_087, 16)]
    [DataRow(1_088, 17)]
    [DataRow(65_536, 1_024)]
    public void Slices_depend_on_the_examples_alone(int examples, int slices)
    {
        foreach (int size in new[] { 1, 3, 18 })
        {
            ThreadRanks.Run(size, ranks =>
            {
                Assert.AreEqual(slices, new BatchPartition(examples, ranks).SliceCount);
                return true;
            });
        }
    }

    /// <summary>A network has slots for the slices of its largest batch.</summary>
    [TestMethod]
    public void A_larger_batch_never_has_fewer_slices()
    {
        for (int examples = 1; examples < 70_000; examples++)
        {
            Assert.IsTrue(BatchPartition.SlicesOf(examples) <= BatchPartition.SlicesOf(examples + 1), $"{examples}");
        }
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(30)]
    [DataRow(1_300)]
    public void No_rank_has_more_slices_than_slots(int examples)
    {
        foreach (int size in new[] { 1, 2, 3, 7, 18 })
        {
            ThreadRanks.Run(size, ranks =>
            {
                var batch = new BatchPartition(examples, ranks);
                Assert.IsLessThanOrEqualTo(BatchPartition.MaxSlicesOfRank(examples, size), batch.EndSlice - batch.FirstSlice);
                return true;
            });
        }
    }

    [TestMethod]
    [DataRow(40, 11)]
    [DataRow(2_000, 31)]
    [DataRow(9_000, 64)]
    public void Every_example_has_one_rank(int examples, int size)
    {
        (int First, int End)[] own = ThreadRanks.Run(size, ranks =>
        {
            ExampleRange range = new BatchPartition(examples, ranks).Own;
            return (range.First, range.End);
        });
        CollectionAssert.AreEqual(own[1..].Select(range => range.First).ToArray(), own[..^1].Select(range => range.End).ToArray());
        Assert.AreEqual((0, examples), (own[0].First, own[^1].End));
        Assert.IsTrue(examples < 64 * size || own.All(range => range.First < range.End));
    }
}
