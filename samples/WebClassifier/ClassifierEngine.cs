using Kfac;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;
using MLNetKfac;

namespace WebClassifier;

/// <summary>A class and its probability, 0 … 1.</summary>
public sealed record Guess(string Name, float Probability);

/// <summary>How much each pixel of the model's image matters to its answer.</summary>
/// <param name="Height">Rows.</param>
/// <param name="Width">Columns.</param>
/// <param name="Values">[Height, Width], 0 … 1, row after row.</param>
public sealed record HeatMap(int Height, int Width, float[] Values);

/// <summary>Classifies pictures for one thread at a time.</summary>
public sealed class ClassifierEngine : IDisposable
{
    private readonly PredictionEngine<Picture, Scores> _engine;
    private readonly OcclusionMap _occlusion;
    private readonly IReadOnlyList<string> _classes;
    private readonly ImageShape _shape;

    internal ClassifierEngine(MLContext mlContext, KfacImageClassificationTransformer classifier, IReadOnlyList<string> classes)
    {
        _shape = classifier.Model.Network.Input;
        _classes = classes;
        new ImageTypeAttribute(_shape.Height, _shape.Width).Register();
        SchemaDefinition schema = SchemaDefinition.Create(typeof(Picture));
        schema[nameof(Picture.Image)].ColumnType = new ImageDataViewType(_shape.Height, _shape.Width);
        schema[nameof(Picture.Image)].ColumnName = classifier.FeatureColumnName;
        _engine = mlContext.Model.CreatePredictionEngine<Picture, Scores>(classifier, inputSchemaDefinition: schema);
        _occlusion = new OcclusionMap(classifier);
    }

    /// <summary>All classes, the most probable first.</summary>
    /// <exception cref="FormatException">It is no picture, or a damaged one.</exception>
    public Guess[] Classify(Stream picture)
    {
        using MLImage image = ImageFile.Read(picture, _shape.Height, _shape.Width);
        return [.. _classes.Zip(_engine.Predict(new Picture { Image = image }).Score, (name, probability) => new Guess(name, probability)).OrderByDescending(guess => guess.Probability)];
    }

    /// <summary>Where the model looks.</summary>
    /// <exception cref="FormatException">It is no picture, or a damaged one.</exception>
    public HeatMap Explain(Stream picture)
    {
        using MLImage image = ImageFile.Read(picture, _shape.Height, _shape.Width);
        return new HeatMap(_shape.Height, _shape.Width, _occlusion.Compute(image));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _engine.Dispose();
        _occlusion.Dispose();
    }

    private sealed class Picture
    {
        [ImageType(1, 1)]
        public MLImage? Image { get; set; }
    }

    private sealed class Scores
    {
        public float[] Score { get; set; } = [];
    }
}
