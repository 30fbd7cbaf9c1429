using Kfac.Networks;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetKfac.Tests.Data;

namespace MLNetKfac.Tests;

/// <summary>Vectors that are no pictures, as image featurizers give them.</summary>
[TestClass]
public sealed class FeatureVectorTests
{
    private const int Features = 64, Classes = 3;

    private readonly MLContext _context = new(seed: 1);

    [TestMethod]
    public void They_are_learned_by_a_dense_network_whatever_their_dimensions_of_1()
    {
        List<string> log = [];
        _context.Log += (_, message) => log.Add(message.RawMessage);
        IDataView flat = Load(Features), deep = Load(1, Features, 1, 1);

        KfacImageClassificationTransformer[] models = Array.ConvertAll((IDataView[])[flat, deep], rows => Trainer().Fit(rows));

        foreach (KfacImageClassificationTransformer model in models)
        {
            Assert.AreEqual("64", model.Model.Network.Input.ToString());
            Assert.IsTrue(model.Model.Network.Layers.All(layer => layer is DenseSpec or ReluSpec or FlattenSpec), model.Model.Network.ToString());
            Assert.IsGreaterThan(0.9, model.Model.TrainingHistory[^1].TrainingAccuracy);
        }

        CollectionAssert.AreEqual(Rows.Read(models[0].Transform(flat), "Score"), Rows.Read(models[1].Transform(deep), "Score"));
        CollectionAssert.AreEqual(Rows.Read(models[0].Transform(flat), "Score"), Rows.Read(models[0].Transform(deep), "Score"));
        Assert.HasCount(2, log.Where(line => line.Contains("is taken as 64 features") && line.Contains("ImageShape(8, 8, 1)")).ToArray());
    }

    [TestMethod]
    public void A_saved_model_takes_them_again()
    {
        IDataView rows = Load(1, Features, 1, 1);
        KfacImageClassificationTransformer model = Trainer().Fit(rows);
        using var file = new MemoryStream();
        _context.Model.Save(model, rows.Schema, file);
        file.Position = 0;

        CollectionAssert.AreEqual(Rows.Read(model.Transform(rows), "Score"), Rows.Read(_context.Model.Load(file, out _).Transform(rows), "Score"));
    }

    private KfacImageClassificationTrainer Trainer() =>
        _context.MulticlassClassification.Trainers.KfacImageClassification(new KfacImageClassificationTrainer.Options { Epoch = 5, Seed = 1, Threads = 1 });

    /// <summary>Normal noise around a mean of its own for each class.</summary>
    private IDataView Load(params int[] dimensions)
    {
        var random = new Random(1);
        Vector[] vectors = [.. Enumerable.Range(0, 120).Select(number => new Vector
        {
            Features = [.. Enumerable.Range(0, Features).Select(i => (float)(random.NextDouble() - 0.5 + (i % Classes == number % Classes ? 0.5 : 0)))],
            Kind = Bars.Kinds[number % Classes],
        })];
        SchemaDefinition schema = SchemaDefinition.Create(typeof(Vector));
        schema[nameof(Vector.Features)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, dimensions);
        return Bars.Key(_context, _context.Data.LoadFromEnumerable(vectors, schema));
    }

    private sealed class Vector
    {
        public float[] Features { get; set; } = [];

        public string Kind { get; set; } = "";
    }
}
