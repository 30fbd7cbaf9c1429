using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetKfac.Tests.Subset;

[TestClass]
public sealed class ColumnTests
{
    private readonly MLContext _ml = new(seed: 1);

    private IDataView Data => _ml.Data.LoadFromEnumerable<Row>(
    [
        new() { A = 1, B = 10, V = [1, 2] },
        new() { A = float.NaN, B = 20, V = [3, -8] },
        new() { A = 5, B = 30, V = [-4, 4] },
    ]);

    [TestMethod]
    public void ConcatenatedColumnsLieSideBySideAndNameTheirSlots()
    {
        IDataView joined = Apply(_ml.Transforms.Concatenate("Inner", "A", "V").Append(_ml.Transforms.Concatenate("Outer", "Inner", "B")));

        Assert.AreEqual(new VectorDataViewType(NumberDataViewType.Single, 4), joined.Schema["Outer"].Type);
        CollectionAssert.AreEqual(new[] { 5f, -4, 4, 30 }, joined.GetColumn<float[]>("Outer").Last());
        VBuffer<ReadOnlyMemory<char>> names = default;
        joined.Schema["Outer"].GetSlotNames(ref names);
        Assert.AreEqual("Inner.A,,,B", string.Join(",", names.DenseValues()));
    }

    [TestMethod]
    public void ColumnsOfDifferentTypesDoNotConcatenate()
    {
        IDataView data = _ml.Data.LoadFromEnumerable(FlowerRow.Some);

        ArgumentOutOfRangeException error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(
            () => _ml.Transforms.Concatenate("Joined", "Features", "Species").Fit(data).Transform(data));

        StringAssert.Contains(error.Message, "Species");
    }

    [TestMethod]
    public void SelectingKeepsTheOrderAskedForAndDroppingKeepsTheRest()
    {
        CollectionAssert.AreEqual(new[] { "V", "A" }, Names(Apply(_ml.Transforms.SelectColumns("V", "A"))));
        CollectionAssert.AreEqual(new[] { "B", "V" }, Names(Apply(_ml.Transforms.DropColumns("A"))));
        CollectionAssert.AreEqual(new[] { 10f, 20, 30 }, Apply(_ml.Transforms.DropColumns("A", "V")).GetColumn<float>("B").ToArray());
    }

    [TestMethod]
    public void HiddenColumnsAreSelectedOnlyOnRequest()
    {
        IDataView twice = Apply(_ml.Transforms.CopyColumns("A", "B"));

        Assert.HasCount(1, Names(_ml.Transforms.SelectColumns("A").Fit(twice).Transform(twice)));
        Assert.HasCount(2, Names(_ml.Transforms.SelectColumns(["A"], keepHidden: true).Fit(twice).Transform(twice)));
        Assert.HasCount(3, Names(_ml.Transforms.DropColumns("V").Fit(twice).Transform(twice)));
    }

    [TestMethod]
    public void SelectingAMissingColumnIsAnError()
    {
        ArgumentOutOfRangeException error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Apply(_ml.Transforms.SelectColumns("Z")));

        StringAssert.Contains(error.Message, "Z");
    }

    [TestMethod]
    public void MinMaxWithZeroFixedScalesByTheLargestMagnitude()
    {
        IDataView scaled = Apply(_ml.Transforms.NormalizeMinMax("S", "V"));

        float[][] rows = [.. scaled.GetColumn<float[]>("S")];
        CollectionAssert.AreEqual(new[] { 0.25f, 0.25f }, rows[0]);
        CollectionAssert.AreEqual(new[] { 0.75f, -1f }, rows[1]);
        Assert.IsTrue(scaled.Schema["S"].IsNormalized());
    }

    [TestMethod]
    public void MinMaxWithoutItMapsToZeroAndOneAndPassesMissingValues()
    {
        IDataView scaled = Apply(_ml.Transforms.NormalizeMinMax("S", "A", fixZero: false));

        CollectionAssert.AreEqual(new[] { 0, float.NaN, 1f }, scaled.GetColumn<float>("S").ToArray());
    }

    [TestMethod]
    public void NormalizingTextIsRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new EstimatorChain<ITransformer>()
            .Append(_ml.Transforms.NormalizeMinMax("S", "Species")).Fit(_ml.Data.LoadFromEnumerable(FlowerRow.Some)));
    }

    private static string[] Names(IDataView data) => [.. data.Schema.Select(column => column.Name)];

    private IDataView Apply(IEstimator<ITransformer> estimator) => estimator.Fit(Data).Transform(Data);

    private sealed class Row
    {
        public float A;
        public float B;

        [VectorType(2)]
        public float[] V = [];
    }
}
