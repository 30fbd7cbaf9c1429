using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetKfac.Tests.Subset;

[TestClass]
public sealed class CursorTests
{
    private readonly MLContext _ml = new(seed: 1);

    [TestMethod]
    public void PositionIsMinusOneBeforeTheFirstAndAfterTheLastRow()
    {
        IDataView data = _ml.Data.LoadFromEnumerable(FlowerRow.Some);
        using DataViewRowCursor cursor = data.GetRowCursor(data.Schema);
        var positions = new List<long> { cursor.Position };

        while (cursor.MoveNext())
        {
            positions.Add(cursor.Position);
        }

        positions.Add(cursor.Position);
        CollectionAssert.AreEqual(new long[] { -1, 0, 1, 2, 3, -1 }, positions);
        Assert.IsFalse(cursor.MoveNext());
    }

    [TestMethod]
    public void OnlyTheColumnsAskedForAreActive()
    {
        IDataView data = Mapped(_ml.Data.LoadFromEnumerable(FlowerRow.Some), () => { });
        using DataViewRowCursor cursor = data.GetRowCursor([data.Schema["Species"]]);

        Assert.IsTrue(cursor.IsColumnActive(data.Schema["Species"]));
        Assert.IsFalse(cursor.IsColumnActive(data.Schema["Length"]));
        Assert.Throws<Exception>(() => cursor.GetGetter<float>(data.Schema["Length"]));
    }

    [TestMethod]
    public void AGetterOfAnotherTypeIsRefused()
    {
        IDataView data = _ml.Data.LoadFromEnumerable(FlowerRow.Some);
        using DataViewRowCursor cursor = data.GetRowCursor(data.Schema);

        Assert.ThrowsExactly<InvalidOperationException>(() => cursor.GetGetter<int>(data.Schema["Species"]));
    }

    [TestMethod]
    public void NothingIsComputedForInactiveColumns()
    {
        int calls = 0;
        IDataView data = Mapped(_ml.Data.LoadFromEnumerable(FlowerRow.Some), () => calls++);

        Assert.AreEqual(4, data.GetColumn<string>("Species").Count());
        Assert.AreEqual(0, calls);
        Assert.AreEqual(4, data.GetColumn<float>("Length").Count());
        Assert.AreEqual(4, calls);
    }

    [TestMethod]
    public void ARowIsMappedOnceHoweverManyOfItsColumnsAreRead()
    {
        int calls = 0;
        IDataView data = Mapped(_ml.Data.LoadFromEnumerable(FlowerRow.Some), () => Interlocked.Increment(ref calls));
        using DataViewRowCursor cursor = data.GetRowCursor(data.Schema);
        ValueGetter<float> length = cursor.GetGetter<float>(data.Schema["Length"]);
        ValueGetter<float> sum = cursor.GetGetter<float>(data.Schema["Sum"]);
        float value = 0;

        while (cursor.MoveNext())
        {
            length(ref value);
            sum(ref value);
            sum(ref value);
        }

        Assert.AreEqual(15f, value);
        Assert.AreEqual(4, calls);
    }

    [TestMethod]
    public void AColumnDefinedAgainHidesTheFormerOneButKeepsIt()
    {
        IDataView data = _ml.Data.LoadFromEnumerable(FlowerRow.Some);
        IDataView keyed = _ml.Transforms.Conversion.MapValueToKey("Species").Fit(data).Transform(data);

        CollectionAssert.AreEqual(new[] { "Species", "Species", "Features" }, keyed.Schema.Select(column => column.Name).ToArray());
        CollectionAssert.AreEqual(new[] { true, false, false }, keyed.Schema.Select(column => column.IsHidden).ToArray());
        Assert.AreEqual(1, keyed.Schema["Species"].Index);
        Assert.AreEqual("rose", keyed.GetColumn<string>(keyed.Schema[0]).First());
        Assert.AreEqual(1u, keyed.GetColumn<uint>("Species").First());
    }

    [TestMethod]
    public void TheCursorsOfASetVisitEachRowOnce()
    {
        IDataView data = Mapped(_ml.Data.LoadFromEnumerable(FlowerRow.Some), () => { });
        var seen = new List<float>();
        foreach (DataViewRowCursor cursor in data.GetRowCursorSet([data.Schema["Sum"]], 3))
        {
            using (cursor)
            {
                ValueGetter<float> sum = cursor.GetGetter<float>(data.Schema["Sum"]);
                float value = 0;
                while (cursor.MoveNext())
                {
                    sum(ref value);
                    seen.Add(value);
                }
            }
        }

        CollectionAssert.AreEquivalent(new[] { 3f, 7f, 11f, 15f }, seen);
    }

    [TestMethod]
    public void ARowKeepsItsIdentityThroughACacheThatShuffles()
    {
        IDataView cached = _ml.Data.Cache(_ml.Data.LoadFromEnumerable(FlowerRow.Some));

        Dictionary<DataViewRowId, float> inOrder = Identities(cached, null);
        Dictionary<DataViewRowId, float> shuffled = Identities(cached, new Random(5));

        Assert.HasCount(4, inOrder);
        CollectionAssert.AreEquivalent(inOrder, shuffled);
    }

    private static Dictionary<DataViewRowId, float> Identities(IDataView data, Random? rand)
    {
        var found = new Dictionary<DataViewRowId, float>();
        using DataViewRowCursor cursor = data.GetRowCursor(data.Schema, rand);
        ValueGetter<DataViewRowId> getId = cursor.GetIdGetter();
        ValueGetter<VBuffer<float>> getFeatures = cursor.GetGetter<VBuffer<float>>(data.Schema["Features"]);
        DataViewRowId id = default;
        VBuffer<float> features = default;
        while (cursor.MoveNext())
        {
            getId(ref id);
            getFeatures(ref features);
            found.Add(id, features.GetItemOrDefault(0));
        }

        return found;
    }

    private IDataView Mapped(IDataView data, Action onCall)
        => _ml.Transforms.CustomMapping<FlowerRow, Measures>(
            (flower, measures) =>
            {
                onCall();
                measures.Length = flower.Features.Length;
                measures.Sum = flower.Features.Sum();
            },
            contractName: null).Fit(data).Transform(data);

    private sealed class Measures
    {
        public float Length { get; set; }

        public float Sum { get; set; }
    }
}
