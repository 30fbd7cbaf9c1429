using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;

namespace MLNetKfac.Tests.Subset;

[TestClass]
public sealed class ModelFileTests
{
    private readonly MLContext _ml = new(seed: 1);

    private IDataView Data => _ml.Data.LoadFromEnumerable(FlowerRow.Some);

    [TestMethod]
    public void EveryTransformerComesBackAndComputesTheSame()
    {
        IEstimator<ITransformer> everything = _ml.Transforms.Conversion.MapValueToKey("Label", "Species")
            .Append(_ml.Transforms.Conversion.MapKeyToValue("Name", "Label"))
            .Append(_ml.Transforms.NormalizeMinMax("Scaled", "Features"))
            .Append(_ml.Transforms.Conversion.ConvertType("Doubles", "Scaled", DataKind.Double))
            .Append(_ml.Transforms.CopyColumns("Copy", "Scaled"))
            .Append(_ml.Transforms.Concatenate("Joined", "Scaled", "Copy"))
            .Append(_ml.Transforms.CustomMapping<FlowerRow, Total>(new TotalMapping().GetMapping(), TotalMapping.Contract))
            .Append(_ml.Transforms.DropColumns("Copy"))
            .Append(_ml.Transforms.SelectColumns("Label", "Name", "Joined", "Doubles", "Sum"));
        ITransformer model = everything.Fit(Data);

        ITransformer loaded = RoundTrip(model, Data.Schema, out _);

        IDataView expected = model.Transform(Data);
        IDataView actual = loaded.Transform(Data);
        CollectionAssert.AreEqual(expected.Schema.Select(Describe).ToArray(), actual.Schema.Select(Describe).ToArray());
        CollectionAssert.AreEqual(expected.GetColumn<uint>("Label").ToArray(), actual.GetColumn<uint>("Label").ToArray());
        CollectionAssert.AreEqual(expected.GetColumn<string>("Name").ToArray(), actual.GetColumn<string>("Name").ToArray());
        CollectionAssert.AreEqual(expected.GetColumn<float>("Sum").ToArray(), actual.GetColumn<float>("Sum").ToArray());
        CollectionAssert.AreEqual(expected.GetColumn<double[]>("Doubles").Last(), actual.GetColumn<double[]>("Doubles").Last());
        CollectionAssert.AreEqual(expected.GetColumn<float[]>("Joined").Last(), actual.GetColumn<float[]>("Joined").Last());
    }

    [TestMethod]
    public void TheSchemaComesBackWithItsAnnotations()
    {
        IDataView keyed = _ml.Transforms.Conversion.MapValueToKey("Label", "Species").Fit(Data).Transform(Data);
        ITransformer model = _ml.Transforms.CopyColumns("Copy", "Label").Fit(keyed);

        RoundTrip(model, keyed.Schema, out DataViewSchema? schema);

        Assert.IsNotNull(schema);
        Assert.AreEqual(new KeyDataViewType(typeof(uint), 3), schema["Label"].Type);
        VBuffer<ReadOnlyMemory<char>> names = default;
        schema["Label"].GetKeyValues(ref names);
        Assert.AreEqual("rose,iris,lily", string.Join(",", names.DenseValues()));
    }

    [TestMethod]
    public void AModelMayBeSavedWithoutSchema()
    {
        ITransformer loaded = RoundTrip(_ml.Transforms.CopyColumns("Copy", "Features").Fit(Data), null, out DataViewSchema? schema);

        Assert.IsNull(schema);
        Assert.IsTrue(loaded.GetOutputSchema(Data.Schema).GetColumnOrNull("Copy").HasValue);
    }

    [TestMethod]
    public void ASingleTransformerKeepsItsTypeAndAChainItsMembers()
    {
        ITransformer single = RoundTrip(_ml.Transforms.CopyColumns("Copy", "Features").Fit(Data), null, out _);
        ITransformer chain = RoundTrip(
            _ml.Transforms.CopyColumns("Copy", "Features").Append(_ml.Transforms.DropColumns("Copy")).Fit(Data), null, out _);

        Assert.IsInstanceOfType<ColumnCopyingTransformer>(single);
        Assert.HasCount(1, ((IEnumerable<ITransformer>)chain).OfType<ColumnSelectingTransformer>());
    }

    [TestMethod]
    public void SavingOverAFileReplacesItAndLeavesNothingElse()
    {
        using var file = new TemporaryFile("model.zip", content: "an older file");

        _ml.Model.Save(_ml.Transforms.CopyColumns("Copy", "Features").Fit(Data), Data.Schema, file.Path);

        Assert.IsInstanceOfType<ColumnCopyingTransformer>(_ml.Model.Load(file.Path, out _));
        Assert.HasCount(1, Directory.GetFiles(file.Folder));
    }

    [TestMethod]
    public void ACustomMappingWithoutContractCannotBeSaved()
    {
        ITransformer model = _ml.Transforms.CustomMapping<FlowerRow, Total>((_, _) => { }, contractName: null).Fit(Data);

        Assert.ThrowsExactly<InvalidOperationException>(() => _ml.Model.Save(model, null, new MemoryStream()));
    }

    [TestMethod]
    public void WhatIsNoModelFileIsRefused()
    {
        using var file = new TemporaryFile("model.zip", content: "this is no archive");

        Assert.Throws<Exception>(() => _ml.Model.Load(file.Path, out _));
    }

    private static string Describe(DataViewSchema.Column column) => column.ToString();

    private static ITransformer RoundTrip(ITransformer model, DataViewSchema? inputSchema, out DataViewSchema? schema)
    {
        using var file = new MemoryStream();
        new MLContext().Model.Save(model, inputSchema, file);
        file.Position = 0;
        ITransformer loaded = new MLContext().Model.Load(file, out DataViewSchema loadedSchema);
        schema = loadedSchema;
        return loaded;
    }
}

/// <summary>What <see cref="TotalMapping"/> computes.</summary>
public sealed class Total
{
    public float Sum { get; set; }
}

/// <summary>A custom mapping that can be saved; loading finds it through its attribute.</summary>
[CustomMappingFactoryAttribute(Contract)]
internal sealed class TotalMapping : CustomMappingFactory<FlowerRow, Total>
{
    public const string Contract = "total";

    public override Action<FlowerRow, Total> GetMapping() => (flower, total) => total.Sum = flower.Features.Sum();
}
