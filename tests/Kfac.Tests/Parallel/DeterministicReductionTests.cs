using Kfac.Parallel;

namespace Kfac.Tests.Parallel;

/// <summary>Slices that end in any order are added up in theirs.</summary>
[TestClass]
public sealed class DeterministicReductionTests
{
    private const int Slices = 16;

    [TestMethod]
    public void Slices_are_added_in_order_whatever_the_order_of_their_ends()
    {
        var random = new Random(1);
        for (int attempt = 0; attempt < 100; attempt++)
        {
            var places = new int[Slices];
            var added = new List<int>();
            var slices = new DeterministicReduction(Slices, (place, isFirst) =>
            {
                Assert.AreEqual(added.Count == 0, isFirst);
                added.Add(Array.IndexOf(places, place));
                places[added[^1]] = -1;
            });
            Array.Fill(places, -1);
            int[] order = [.. Enumerable.Range(0, Slices)];
            random.Shuffle(order);
            foreach (int slice in order)
            {
                places[slice] = slices.Take();
            }

            random.Shuffle(order);
            foreach (int slice in order)
            {
                slices.Finish(slice, places[slice]);
            }

            CollectionAssert.AreEqual(Enumerable.Range(0, Slices).ToArray(), added);
        }
    }

    [TestMethod]
    public void One_place_serves_whoever_works_alone()
    {
        var slices = new DeterministicReduction(Slices, (_, _) => { });
        for (int slice = 0; slice < Slices; slice++)
        {
            int place = slices.Take();
            Assert.AreEqual(0, place);
            slices.Finish(slice, place);
        }
    }

    [TestMethod]
    [DataRow(2)]
    [DataRow(5)]
    public void Many_workers_add_every_slice_once_and_in_order(int count)
    {
        using var workers = new Workers(count);
        var sliceIn = new int[Slices];
        var added = new List<int>();
        var slices = new DeterministicReduction(Slices, (place, _) => added.Add(sliceIn[place]));
        for (int region = 0; region < 500; region++)
        {
            added.Clear();
            slices.Begin();
            workers.Run(Slices, (slice, _) =>
            {
                int place = slices.Take();
                sliceIn[place] = slice;
                Thread.SpinWait((slice * 37 + region) % 50);
                slices.Finish(slice, place);
            });
            CollectionAssert.AreEqual(Enumerable.Range(0, Slices).ToArray(), added);
        }
    }

    [TestMethod]
    public void Region_that_failed_leaves_nothing_behind()
    {
        var added = new List<int>();
        var slices = new DeterministicReduction(Slices, (place, _) => added.Add(place));
        slices.Take();
        slices.Finish(3, slices.Take());
        slices.Begin();
        slices.Finish(0, slices.Take());
        CollectionAssert.AreEqual(new[] { 0 }, added);
    }
}
