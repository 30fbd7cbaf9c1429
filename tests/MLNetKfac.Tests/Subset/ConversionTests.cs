using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;

namespace MLNetKfac.Tests.Subset;

[TestClass]
public sealed class ConversionTests
{
    private readonly MLContext _ml = new(seed: 1);

    private IDataView Data => _ml.Data.LoadFromEnumerable<Row>(
    [
        new() { Text = "b", Real = 1, Flag = true, Whole = 5, Pair = [1, 2] },
        new() { Text = "", Real = float.NaN, Flag = false, Whole = 0, Pair = [3, float.NaN] },
        new() { Text = "B", Real = -0.25f, Flag = true, Whole = -7, Pair = [0, 0] },
    ]);

    [TestMethod]
    [DataRow(ValueToKeyMappingEstimator.KeyOrdinality.ByOccurrence, new uint[] { 1, 0, 2 })]
    [DataRow(ValueToKeyMappingEstimator.KeyOrdinality.ByValue, new uint[] { 2, 0, 1 })]
    public void EmptyTextHasNoKeyAndTextSortsOrdinally(ValueToKeyMappingEstimator.KeyOrdinality order, uint[] expected)
    {
        IDataView keyed = Fit(_ml.Transforms.Conversion.MapValueToKey("Key", "Text", keyOrdinality: order));

        CollectionAssert.AreEqual(expected, keyed.GetColumn<uint>("Key").ToArray());
    }

    [TestMethod]
    public void NaNHasNoKey()
    {
        IDataView keyed = Fit(_ml.Transforms.Conversion.MapValueToKey("Key", "Real"));

        CollectionAssert.AreEqual(new uint[] { 1, 0, 2 }, keyed.GetColumn<uint>("Key").ToArray());
        VBuffer<float> values = default;
        keyed.Schema["Key"].GetKeyValues(ref values);
        CollectionAssert.AreEqual(new[] { 1f, -0.25f }, values.DenseValues().ToArray());
        Assert.IsTrue(keyed.Schema["Key"].HasKeyValues(NumberDataViewType.Single));
    }

    [TestMethod]
    public void TheItemsOfAVectorShareTheirKeys()
    {
        IDataView keyed = Fit(_ml.Transforms.Conversion.MapValueToKey("Key", "Pair"));

        Assert.AreEqual(new VectorDataViewType(new KeyDataViewType(typeof(uint), 4), 2), keyed.Schema["Key"].Type);
        uint[][] keys = [.. keyed.GetColumn<uint[]>("Key")];
        CollectionAssert.AreEqual(new uint[] { 3, 0 }, keys[1]);
        CollectionAssert.AreEqual(new uint[] { 4, 4 }, keys[2]);
    }

    [TestMethod]
    public void KeysBeyondTheMaximumAreMissing()
    {
        IDataView keyed = Fit(_ml.Transforms.Conversion.MapValueToKey("Key", "Whole", maximumNumberOfKeys: 2));

        CollectionAssert.AreEqual(new uint[] { 1, 2, 0 }, keyed.GetColumn<uint>("Key").ToArray());
    }

    [TestMethod]
    public void KeyDataGivesTheValuesAndTheirOrder()
    {
        IDataView order = _ml.Data.LoadFromEnumerable<Word>([new() { Text = "B" }, new() { Text = "x" }, new() { Text = "b" }]);
        IDataView keyed = Fit(_ml.Transforms.Conversion.MapValueToKey("Key", "Text", keyData: order));

        CollectionAssert.AreEqual(new uint[] { 3, 0, 1 }, keyed.GetColumn<uint>("Key").ToArray());
    }

    [TestMethod]
    public void KeyValuesCanBeAnnotatedAsText()
    {
        IDataView keyed = Fit(_ml.Transforms.Conversion.MapValueToKey("Key", "Whole", addKeyValueAnnotationsAsText: true));

        Assert.IsTrue(keyed.Schema["Key"].HasKeyValues());
        VBuffer<ReadOnlyMemory<char>> values = default;
        keyed.Schema["Key"].GetKeyValues(ref values);
        Assert.AreEqual("5,0,-7", string.Join(",", values.DenseValues()));
    }

    [TestMethod]
    public void AMissingKeyMapsBackToAMissingValue()
    {
        IDataView restored = Fit(_ml.Transforms.Conversion.MapValueToKey("Key", "Real")
            .Append(_ml.Transforms.Conversion.MapKeyToValue("Back", "Key")));

        CollectionAssert.AreEqual(new[] { 1, float.NaN, -0.25f }, restored.GetColumn<float>("Back").ToArray());
    }

    [TestMethod]
    public void MappingBackNeedsKeyValues()
    {
        IDataView keys = _ml.Data.LoadFromEnumerable<BareKey>([new() { Key = 1 }]);

        Exception error = Assert.Throws<Exception>(() => _ml.Transforms.Conversion.MapKeyToValue("Value", "Key").Fit(keys).Transform(keys));
        StringAssert.Contains(error.Message, "Key");
        Assert.Throws<ArgumentOutOfRangeException>(
            () => new EstimatorChain<ITransformer>().Append(_ml.Transforms.Conversion.MapKeyToValue("Value", "Real")).Fit(Data));
    }

    [TestMethod]
    public void NumbersAndBooleansConvertToReals()
    {
        IDataView converted = Fit(_ml.Transforms.Conversion.ConvertType("A", "Whole")
            .Append(_ml.Transforms.Conversion.ConvertType("B", "Flag"))
            .Append(_ml.Transforms.Conversion.ConvertType("C", "Pair", DataKind.Double)));

        CollectionAssert.AreEqual(new[] { 5f, 0, -7 }, converted.GetColumn<float>("A").ToArray());
        CollectionAssert.AreEqual(new[] { 1f, 0, 1 }, converted.GetColumn<float>("B").ToArray());
        CollectionAssert.AreEqual(new[] { 3, double.NaN }, converted.GetColumn<double[]>("C").ElementAt(1));
        Assert.AreEqual(new VectorDataViewType(NumberDataViewType.Double, 2), converted.Schema["C"].Type);
    }

    [TestMethod]
    public void TextConvertsToNumbersAndBack()
    {
        IDataView words = _ml.Data.LoadFromEnumerable<Word>([new() { Text = "1.5" }, new() { Text = "" }, new() { Text = "x" }]);
        IDataView numbers = _ml.Transforms.Conversion.ConvertType("Number", "Text").Fit(words).Transform(words);
        IDataView texts = Fit(_ml.Transforms.Conversion.ConvertType("AsText", "Whole", DataKind.String)
            .Append(_ml.Transforms.Conversion.ConvertType("FlagAsText", "Flag", DataKind.String)));

        CollectionAssert.AreEqual(new[] { 1.5f, 0, float.NaN }, numbers.GetColumn<float>("Number").ToArray());
        CollectionAssert.AreEqual(new[] { "5", "0", "-7" }, texts.GetColumn<string>("AsText").ToArray());
        CollectionAssert.AreEqual(new[] { "True", "False", "True" }, texts.GetColumn<string>("FlagAsText").ToArray());
    }

    [TestMethod]
    [DataRow("Real", DataKind.Int32)]
    [DataRow("Whole", DataKind.UInt32)]
    [DataRow("Flag", DataKind.UInt32)]
    public void ConversionsThatLoseTheMeaningAreRefused(string column, DataKind kind)
    {
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Fit(_ml.Transforms.Conversion.ConvertType("Out", column, kind)));
    }

    [TestMethod]
    public void AKeyConvertedToAnotherUnsignedIntegerStaysAKeyWithItsValues()
    {
        IDataView converted = Fit(_ml.Transforms.Conversion.MapValueToKey("Key", "Whole")
            .Append(_ml.Transforms.Conversion.ConvertType("Small", "Key", DataKind.Byte)));

        Assert.AreEqual(new KeyDataViewType(typeof(byte), 3), converted.Schema["Small"].Type);
        Assert.IsTrue(converted.Schema["Small"].HasKeyValues(NumberDataViewType.Int32));
    }

    private IDataView Fit(IEstimator<ITransformer> estimator) => estimator.Fit(Data).Transform(Data);

    private sealed class Row
    {
        public string Text = "";
        public float Real;
        public bool Flag;
        public int Whole;

        [VectorType(2)]
        public float[] Pair = [];
    }

    private sealed class Word
    {
        public string Text = "";
    }

    private sealed class BareKey
    {
        [KeyType(3)]
        public uint Key;
    }
}
