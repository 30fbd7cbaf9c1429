using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetKfac.Tests.Subset;

[TestClass]
public sealed class SchemaDefinitionTests
{
    private readonly MLContext _ml = new(seed: 1);

    [TestMethod]
    public void MembersBecomeColumnsOfTheTypesTheirAttributesGive()
    {
        DataViewSchema schema = _ml.Data.LoadFromEnumerable<Annotated>([]).Schema;

        CollectionAssert.AreEqual(
            new[] { "Renamed: Single", "Shape: Vector<Single, 2, 3>", "Any: Vector<Double>", "Key: Key<UInt32, 0-6>", "Text: String", "When: DateTime" },
            schema.Select(column => column.ToString()).ToArray());
    }

    [TestMethod]
    public void ADefinitionOverridesAttributes()
    {
        SchemaDefinition definition = SchemaDefinition.Create(typeof(Annotated));
        definition["Any"].ColumnType = new VectorDataViewType(NumberDataViewType.Double, 4);
        SchemaDefinition.Column text = definition["Text"];
        text.ColumnName = "Words";
        text.AddAnnotation("Language", "en".AsMemory(), TextDataViewType.Instance);

        DataViewSchema schema = _ml.Data.LoadFromEnumerable<Annotated>([], definition).Schema;

        Assert.AreEqual(new VectorDataViewType(NumberDataViewType.Double, 4), schema["Any"].Type);
        ReadOnlyMemory<char> language = default;
        schema["Words"].Annotations.GetValue("Language", ref language);
        Assert.AreEqual("en", language.ToString());
        Assert.IsNull(definition["Text"]);
    }

    [TestMethod]
    public void ASchemaGivesColumnTypesAndAnnotations()
    {
        IDataView flowers = _ml.Data.LoadFromEnumerable(FlowerRow.Some);
        DataViewSchema schema = _ml.Transforms.SelectColumns("Features").Fit(flowers).GetOutputSchema(flowers.Schema);

        IDataView data = _ml.Data.LoadFromEnumerable<OnlyFeatures>([new() { Features = [1, 2] }], schema);

        Assert.AreEqual(new VectorDataViewType(NumberDataViewType.Single, 2), data.Schema["Features"].Type);
        Assert.Throws<InvalidOperationException>(() => _ml.Data.LoadFromEnumerable<OnlyFeatures>([], flowers.Schema));
    }

    [TestMethod]
    public void AMemberThatCannotHoldItsColumnIsRefused()
    {
        SchemaDefinition definition = SchemaDefinition.Create(typeof(OnlyFeatures));
        definition["Features"].ColumnType = NumberDataViewType.Single;

        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => _ml.Data.LoadFromEnumerable<OnlyFeatures>([], definition));
        Assert.Throws<Exception>(() => _ml.Data.CreateEnumerable<TextFeatures>(
            _ml.Data.LoadFromEnumerable(FlowerRow.Some), reuseRowObject: false).ToArray());
    }

    [TestMethod]
    public void AScalarKeyMemberCountsFromZeroAndItsColumnFromOne()
    {
        IDataView data = _ml.Data.LoadFromEnumerable<Keyed>([new() { Key = 0 }, new() { Key = 6 }, new() { Key = 7 }]);

        CollectionAssert.AreEqual(new uint[] { 1, 7, 0 }, data.GetColumn<uint>("Key").ToArray());
        CollectionAssert.AreEqual(
            new uint[] { 1, 7, 0 }, _ml.Data.CreateEnumerable<Keyed>(data, reuseRowObject: false).Select(row => row.Key).ToArray());
    }

    [TestMethod]
    public void RowObjectsAreReusedOnRequestOnly()
    {
        IDataView data = _ml.Data.LoadFromEnumerable(FlowerRow.Some);

        FlowerRow[] fresh = [.. _ml.Data.CreateEnumerable<FlowerRow>(data, reuseRowObject: false)];
        FlowerRow[] reused = [.. _ml.Data.CreateEnumerable<FlowerRow>(data, reuseRowObject: true)];

        Assert.HasCount(4, fresh.Distinct());
        Assert.HasCount(1, reused.Distinct());
        Assert.AreEqual(5f, fresh[2].Features[0]);
        Assert.Throws<ArgumentOutOfRangeException>(() => _ml.Data.CreateEnumerable<Keyed>(data, reuseRowObject: false).ToArray());
        Assert.HasCount(4, _ml.Data.CreateEnumerable<Keyed>(data, reuseRowObject: false, ignoreMissingColumns: true).ToArray());
    }

    [TestMethod]
    public void AMappingGivesTheSchemaShapeThatItsDefinitionSays()
    {
        SchemaDefinition output = SchemaDefinition.Create(typeof(Scores));
        output["Score"].ColumnType = new VectorDataViewType(NumberDataViewType.Single, 3);
        output["Score"].AddAnnotation("SlotNames", new VBuffer<ReadOnlyMemory<char>>(
            3, ["a".AsMemory(), "b".AsMemory(), "c".AsMemory()]), new VectorDataViewType(TextDataViewType.Instance, 3));
        output["PredictedLabel"].ColumnType = new KeyDataViewType(typeof(uint), 3);
        var estimator = _ml.Transforms.CustomMapping<Nothing, Scores>((_, _) => { }, contractName: null, outputSchemaDefinition: output);

        SchemaShape shape = estimator.GetOutputSchema(new SchemaShape([]));

        SchemaShape.Column score = shape.Single(column => column.Name == "Score");
        SchemaShape.Column label = shape.Single(column => column.Name == "PredictedLabel");
        Assert.AreEqual(SchemaShape.Column.VectorKind.Vector, score.Kind);
        Assert.AreEqual(NumberDataViewType.Single, score.ItemType);
        Assert.IsFalse(score.IsKey);
        Assert.AreEqual("SlotNames", score.Annotations.Single().Name);
        Assert.AreEqual(SchemaShape.Column.VectorKind.Scalar, label.Kind);
        Assert.AreEqual(NumberDataViewType.UInt32, label.ItemType);
        Assert.IsTrue(label.IsKey);
    }

    [TestMethod]
    public void AMappingOverAWrongInputTypeIsRefusedBeforeItIsFitted()
    {
        IEstimator<ITransformer> chain = new EstimatorChain<ITransformer>()
            .Append(_ml.Transforms.CustomMapping<TextFeatures, Scores>((_, _) => { }, contractName: null));

        ArgumentOutOfRangeException error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(
            () => chain.Fit(_ml.Data.LoadFromEnumerable(FlowerRow.Some)));

        StringAssert.Contains(error.Message, "Features");
    }

    private sealed class Annotated
    {
        [ColumnName("Renamed")]
        public float Real = 0;

        [VectorType(2, 3)]
        public float[] Shape = [];

        public double[] Any = [];

        [KeyType(7)]
        public uint Key = 0;

        public string Text = "";

        public DateTime When = default;

        [NoColumn]
        public object NotAColumn = new();
    }

    private sealed class Keyed
    {
        [KeyType(7)]
        public uint Key { get; set; }
    }

    private sealed class OnlyFeatures
    {
        public float[] Features { get; set; } = [];
    }

    private sealed class TextFeatures
    {
        public string[] Features { get; set; } = [];
    }

    private sealed class Nothing
    {
    }

    private sealed class Scores
    {
        public float[] Score { get; set; } = [];

        public uint PredictedLabel { get; set; }
    }
}
