using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetKfac.Tests.Subset;

[TestClass]
public sealed class PipelineTests
{
    private readonly MLContext _ml = new(seed: 1);

    [TestMethod]
    public void KeysAreNumberedByOccurrenceAndMapBackToTheirValues()
    {
        IDataView data = _ml.Data.LoadFromEnumerable(FlowerRow.Some);

        IDataView mapped = NamePipeline().Fit(data).Transform(data);

        CollectionAssert.AreEqual(new uint[] { 1, 2, 1, 3 }, mapped.GetColumn<uint>("Label").ToArray());
        CollectionAssert.AreEqual(new[] { "rose", "iris", "rose", "lily" }, mapped.GetColumn<string>("Name").ToArray());
        Assert.AreEqual(new KeyDataViewType(typeof(uint), 3), mapped.Schema["Label"].Type);
    }

    [TestMethod]
    public void AMissingColumnIsReportedBeforeAnythingIsFitted()
    {
        bool fitted = false;
        IEstimator<ITransformer> first = _ml.Transforms.Conversion.MapValueToKey("Label", "Species").WithOnFitDelegate(_ => fitted = true);
        IEstimator<ITransformer> chain = first.Append(_ml.Transforms.Conversion.MapKeyToValue("Name", "Lable"));

        ArgumentOutOfRangeException error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(
            () => chain.Fit(_ml.Data.LoadFromEnumerable(FlowerRow.Some)));

        StringAssert.Contains(error.Message, "Lable");
        Assert.IsFalse(fitted);
    }

    [TestMethod]
    public void ASavedChainLoadsWithItsSchemaAndPredictsTheSame()
    {
        IDataView data = _ml.Data.LoadFromEnumerable(FlowerRow.Some);
        ITransformer model = NamePipeline().Fit(data);
        using var file = new MemoryStream();

        _ml.Model.Save(model, data.Schema, file);
        file.Position = 0;
        ITransformer loaded = new MLContext().Model.Load(file, out DataViewSchema schema);

        Assert.AreEqual("Species", schema[0].Name);
        Assert.AreEqual(new VectorDataViewType(NumberDataViewType.Single, 2), schema["Features"].Type);
        using PredictionEngine<FlowerRow, FlowerKey> engine = _ml.Model.CreatePredictionEngine<FlowerRow, FlowerKey>(loaded);
        FlowerKey lily = engine.Predict(new FlowerRow { Species = "lily", Features = [0, 0] });
        Assert.AreEqual(3u, lily.Label);
        Assert.AreEqual("lily", lily.Name);
    }

    [TestMethod]
    public void AChainEnumeratesItsTransformers()
    {
        TransformerChain<Microsoft.ML.Transforms.KeyToValueMappingTransformer> model = NamePipeline().Fit(_ml.Data.LoadFromEnumerable(FlowerRow.Some));

        Assert.AreEqual(2, model.Count());
        Assert.AreSame(model.LastTransformer, model.Last());
    }

    private EstimatorChain<Microsoft.ML.Transforms.KeyToValueMappingTransformer> NamePipeline()
        => _ml.Transforms.Conversion.MapValueToKey("Label", "Species")
            .Append(_ml.Transforms.Conversion.MapKeyToValue("Name", "Label"));
}
