using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetKfac.Tests.Subset;

[TestClass]
public sealed class RowTests
{
    private readonly MLContext _ml = new(seed: 1);

    [TestMethod]
    public void TakingAndSkippingSplitTheRowsAtAPlace()
    {
        IDataView data = Numbers(10);

        CollectionAssert.AreEqual(new[] { 0f, 1, 2 }, Values(_ml.Data.TakeRows(data, 3)));
        CollectionAssert.AreEqual(new[] { 8f, 9 }, Values(_ml.Data.SkipRows(data, 8)));
        Assert.Throws<ArgumentOutOfRangeException>(() => _ml.Data.TakeRows(data, 0));
    }

    [TestMethod]
    public void TakingStopsReadingTheSource()
    {
        int read = 0;
        IEnumerable<Number> Endless()
        {
            while (true)
            {
                yield return new Number { Value = read++ };
            }
        }

        float[] taken = Values(_ml.Data.TakeRows(_ml.Data.LoadFromEnumerable(Endless()), 3));

        CollectionAssert.AreEqual(new[] { 0f, 1, 2 }, taken);
    }

    [TestMethod]
    public void FilteringByColumnIncludesTheLowerBoundOnly()
    {
        IDataView data = _ml.Data.LoadFromEnumerable<Number>(
            [new() { Value = 1 }, new() { Value = 2 }, new() { Value = float.NaN }, new() { Value = 3 }]);

        CollectionAssert.AreEqual(new[] { 1f, 2 }, Values(_ml.Data.FilterRowsByColumn(data, "Value", 1, 3)));
        CollectionAssert.AreEqual(new[] { 1f, 2, 3 }, Values(_ml.Data.FilterRowsByMissingValues(data, "Value")));
    }

    [TestMethod]
    public void FilteringByATextColumnIsRefused()
    {
        IDataView data = _ml.Data.LoadFromEnumerable(FlowerRow.Some);

        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => _ml.Data.FilterRowsByColumn(data, "Species", 0, 1));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => _ml.Data.FilterRowsByMissingValues(data, "Species"));
    }

    [TestMethod]
    public void ShufflingKeepsTheRowsAndRepeatsItsOrder()
    {
        IDataView shuffled = _ml.Data.ShuffleRows(Numbers(100), seed: 3, shufflePoolSize: 7);

        float[] first = Values(shuffled);

        CollectionAssert.AreNotEqual(Values(Numbers(100)), first);
        CollectionAssert.AreEquivalent(Values(Numbers(100)), first);
        CollectionAssert.AreEqual(first, Values(shuffled));
        CollectionAssert.AreEqual(first, Values(_ml.Data.ShuffleRows(Numbers(100), seed: 3, shufflePoolSize: 7)));
    }

    [TestMethod]
    public void AnEnumerableViewHonoursNoGeneratorButACacheDoes()
    {
        IDataView data = Numbers(50);
        IDataView cached = _ml.Data.Cache(data);

        Assert.IsFalse(data.CanShuffle);
        Assert.IsTrue(cached.CanShuffle);
        CollectionAssert.AreEqual(Values(data), Values(data, new Random(1)));
        CollectionAssert.AreNotEqual(Values(data), Values(cached, new Random(1)));
        CollectionAssert.AreEquivalent(Values(data), Values(cached, new Random(1)));
        CollectionAssert.AreEqual(Values(data), Values(cached));
    }

    [TestMethod]
    public void ACacheReadsItsSourceOnce()
    {
        int read = 0;
        IDataView cached = _ml.Data.Cache(_ml.Data.LoadFromEnumerable(Enumerable.Range(0, 5).Select(number =>
        {
            read++;
            return new Number { Value = number };
        })));

        Assert.HasCount(5, Values(cached));
        Assert.HasCount(5, Values(cached));
        Assert.AreEqual(5, read);
        Assert.AreEqual(5L, cached.GetRowCount());
    }

    [TestMethod]
    public void TrainAndTestSetsAreDisjointCompleteAndSeeded()
    {
        IDataView data = Numbers(1000);
        DataOperationsCatalog.TrainTestData split = _ml.Data.TrainTestSplit(data, testFraction: 0.3, seed: 5);

        float[] test = Values(split.TestSet);

        CollectionAssert.AreEquivalent(Values(data), Values(split.TrainSet).Concat(test).ToArray());
        Assert.IsInRange(230, 370, test.Length); // 300 on average, five standard deviations to each side
        CollectionAssert.AreEqual(test, Values(split.TestSet));
        CollectionAssert.AreEqual(test, Values(_ml.Data.TrainTestSplit(data, testFraction: 0.3, seed: 5).TestSet));
        CollectionAssert.AreNotEqual(test, Values(_ml.Data.TrainTestSplit(data, testFraction: 0.3, seed: 6).TestSet));
    }

    [TestMethod]
    public void RowsOfOneSamplingKeyStayTogether()
    {
        IDataView data = _ml.Data.LoadFromEnumerable(Enumerable.Range(0, 200).Select(i => new Number { Value = i, Group = $"g{i % 20}" }));
        DataOperationsCatalog.TrainTestData split = _ml.Data.TrainTestSplit(data, testFraction: 0.4, samplingKeyColumnName: "Group", seed: 2);

        string[] trainGroups = [.. split.TrainSet.GetColumn<string>("Group").Distinct()];
        string[] testGroups = [.. split.TestSet.GetColumn<string>("Group").Distinct()];

        Assert.IsEmpty(trainGroups.Intersect(testGroups));
        Assert.HasCount(20, trainGroups.Concat(testGroups));
    }

    [TestMethod]
    public void EachRowIsInTheTestSetOfOneFold()
    {
        IReadOnlyList<DataOperationsCatalog.TrainTestData> folds = _ml.Data.CrossValidationSplit(Numbers(100), numberOfFolds: 4, seed: 1);

        Assert.HasCount(4, folds);
        CollectionAssert.AreEquivalent(Values(Numbers(100)), folds.SelectMany(fold => Values(fold.TestSet)).ToArray());
        foreach (DataOperationsCatalog.TrainTestData fold in folds)
        {
            Assert.AreEqual(100, Values(fold.TrainSet).Length + Values(fold.TestSet).Length);
            Assert.IsEmpty(Values(fold.TrainSet).Intersect(Values(fold.TestSet)));
        }
    }

    private static float[] Values(IDataView data, Random? rand = null)
    {
        DataViewSchema.Column column = data.Schema["Value"];
        using DataViewRowCursor cursor = data.GetRowCursor([column], rand);
        ValueGetter<float> getter = cursor.GetGetter<float>(column);
        var values = new List<float>();
        float value = 0;
        while (cursor.MoveNext())
        {
            getter(ref value);
            values.Add(value);
        }

        return [.. values];
    }

    private IDataView Numbers(int count) => _ml.Data.LoadFromEnumerable(Enumerable.Range(0, count).Select(number => new Number { Value = number }));

    private sealed class Number
    {
        public float Value;
        public string Group = "";
    }
}
