using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetKfac.Tests.Subset;

[TestClass]
public sealed class PredictionEngineTests
{
    private readonly MLContext _ml = new(seed: 1);

    private IDataView Data => _ml.Data.LoadFromEnumerable(FlowerRow.Some);

    private ITransformer Model => _ml.Transforms.Conversion.MapValueToKey("Label", "Species")
        .Append(_ml.Transforms.Conversion.MapKeyToValue("Name", "Label"))
        .Append(_ml.Transforms.NormalizeMinMax("Scaled", "Features"))
        .Fit(Data);

    [TestMethod]
    public void PredictionsEqualTheBatch()
    {
        using PredictionEngine<FlowerRow, Prediction> engine = _ml.Model.CreatePredictionEngine<FlowerRow, Prediction>(Model);
        float[][] batch = [.. Model.Transform(Data).GetColumn<float[]>("Scaled")];

        for (int i = 0; i < FlowerRow.Some.Length; i++)
        {
            Prediction prediction = engine.Predict(FlowerRow.Some[i]);
            CollectionAssert.AreEqual(batch[i], prediction.Scaled);
            Assert.AreEqual(FlowerRow.Some[i].Species, prediction.Name);
        }
    }

    [TestMethod]
    public void EachPredictionHasItsOwnArray()
    {
        using PredictionEngine<FlowerRow, Prediction> engine = _ml.Model.CreatePredictionEngine<FlowerRow, Prediction>(Model);

        Prediction first = engine.Predict(FlowerRow.Some[0]);
        Prediction second = engine.Predict(FlowerRow.Some[3]);

        Assert.AreNotSame(first.Scaled, second.Scaled);
        Assert.AreNotEqual(first.Scaled[0], second.Scaled[0]);
    }

    [TestMethod]
    public void AGivenPredictionObjectIsFilled()
    {
        using PredictionEngine<FlowerRow, Prediction> engine = _ml.Model.CreatePredictionEngine<FlowerRow, Prediction>(Model);
        var prediction = new Prediction();
        Prediction same = prediction;

        engine.Predict(FlowerRow.Some[1], ref prediction);

        Assert.AreSame(same, prediction);
        Assert.AreEqual("iris", prediction.Name);
    }

    [TestMethod]
    public void MembersWithoutAColumnAreIgnoredUnlessAskedFor()
    {
        using PredictionEngine<FlowerRow, WithExtra> engine = _ml.Model.CreatePredictionEngine<FlowerRow, WithExtra>(Model);

        Assert.AreEqual(-1, engine.Predict(FlowerRow.Some[0]).Extra);
        ArgumentOutOfRangeException error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(
            () => _ml.Model.CreatePredictionEngine<FlowerRow, WithExtra>(Model, ignoreMissingColumns: false));
        StringAssert.Contains(error.Message, "Extra");
    }

    [TestMethod]
    public void AnInputSchemaGivesMembersTheirColumnTypes()
    {
        using PredictionEngine<BareFlower, Prediction> engine = _ml.Model.CreatePredictionEngine<BareFlower, Prediction>(Model, Data.Schema);

        Assert.AreEqual(new VectorDataViewType(NumberDataViewType.Single, 2), engine.OutputSchema["Scaled"].Type);
        Assert.AreEqual("lily", engine.Predict(new BareFlower { Species = "lily", Features = [1, 1] }).Name);
    }

    [TestMethod]
    public void OptionsGiveDefinitionsAndOwnership()
    {
        SchemaDefinition input = SchemaDefinition.Create(typeof(BareFlower));
        input["Features"].ColumnType = new VectorDataViewType(NumberDataViewType.Single, 2);
        SchemaDefinition output = SchemaDefinition.Create(typeof(Renamed));
        output["Text"].ColumnName = "Name";
        ITransformer model = Model;
        var options = new PredictionEngineOptions { InputSchemaDefinition = input, OutputSchemaDefinition = output, OwnsTransformer = false };

        using (PredictionEngine<BareFlower, Renamed> engine = _ml.Model.CreatePredictionEngine<BareFlower, Renamed>(model, options))
        {
            Assert.AreEqual("iris", engine.Predict(new BareFlower { Species = "iris", Features = [1, 1] }).Text);
        }

        Assert.AreEqual("rose", model.Transform(Data).GetColumn<string>("Name").First());
    }

    [TestMethod]
    public void AnInputClassThatLacksAColumnIsRefused()
    {
        ArgumentOutOfRangeException error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(
            () => _ml.Model.CreatePredictionEngine<Renamed, Prediction>(Model));

        StringAssert.Contains(error.Message, "Species");
    }

    private sealed class Prediction
    {
        public string Name { get; set; } = "";

        public float[] Scaled { get; set; } = [];
    }

    private sealed class WithExtra
    {
        public float Extra { get; set; } = -1;
    }

    private sealed class BareFlower
    {
        public string Species { get; set; } = "";

        public float[] Features { get; set; } = [];
    }

    private sealed class Renamed
    {
        public string Text { get; set; } = "";
    }
}
