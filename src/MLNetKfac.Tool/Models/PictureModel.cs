using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Kfac;
using Kfac.Images;
using Kfac.Memory;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;
using MLNetKfac.Tool.Data;
using MLNetKfac.Tool.Terminal;

namespace MLNetKfac.Tool.Models;

/// <summary>A model file: a classifier of images of one size, and behind it the names of the classes.</summary>
internal sealed class PictureModel
{
    private readonly MLContext _mlContext;

    private PictureModel(MLContext mlContext, ITransformer pipeline, KfacImageClassificationTransformer classifier)
    {
        _mlContext = mlContext;
        Pipeline = pipeline;
        Classifier = classifier;
        ClassNames = classifier.Model.ClassNames
            ?? [.. Enumerable.Range(1, classifier.Model.ClassCount).Select(number => $"class {number}")];
    }

    public ITransformer Pipeline { get; }

    public KfacImageClassificationTransformer Classifier { get; }

    public IReadOnlyList<string> ClassNames { get; }

    /// <summary>Rows and columns of the images that it takes.</summary>
    public (int Height, int Width) ImageSize => (Classifier.Model.Network.Input.Height, Classifier.Model.Network.Input.Width);

    /// <summary>SHA-256 of the network's description and its weights, 64 hex digits.</summary>
    public string Digest
    {
        get
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            hash.AppendData(Encoding.UTF8.GetBytes(Classifier.Model.Network.ToJson()));
            foreach (Parameter parameter in Classifier.Model.Parameters)
            {
                hash.AppendData(MemoryMarshal.AsBytes(parameter.Values));
            }

            return Convert.ToHexStringLower(hash.GetHashAndReset());
        }
    }

    /// <summary>The model that a training gave.</summary>
    public static PictureModel Of(MLContext mlContext, KfacImageClassificationTransformer classifier, IDataView trained)
    {
        ITransformer names = mlContext.Transforms.Conversion.MapKeyToValue(classifier.PredictedLabelColumnName).Fit(classifier.Transform(trained));
        return new PictureModel(mlContext, new TransformerChain<ITransformer>(classifier, names), classifier);
    }

    /// <exception cref="InvalidDataException">The file is no model, or there is no K-FAC classifier of images in it.</exception>
    public static PictureModel Load(MLContext mlContext, string path)
    {
        if (new FileInfo(path).Length == 0)
        {
            throw new InvalidDataException($"'{path}' is empty");
        }

        try
        {
            ITransformer pipeline = mlContext.Model.Load(path, out _);
            return new PictureModel(mlContext, pipeline, KfacImageClassificationTransformer.FindIn(pipeline));
        }
        catch (Exception damage) when (damage is FormatException or InvalidDataException or ArgumentException or InvalidOperationException or TargetInvocationException)
        {
            throw new InvalidDataException($"'{path}' is no model of this kind, or a damaged one: {damage.GetBaseException().Message}", damage);
        }
    }

    /// <summary>Gives the column <c>Label</c> the keys of the classes, in their order.</summary>
    public static ITransformer CreateKeys(MLContext mlContext, IReadOnlyList<string> classNames, IDataView rows)
    {
        IDataView classes = mlContext.Data.LoadFromEnumerable(classNames.Select(name => new ClassName { Label = name }));
        return mlContext.Transforms.Conversion.MapValueToKey(nameof(ImageRow.Label), keyData: classes).Fit(rows);
    }

    /// <summary>How the model fares on labelled pictures.</summary>
    /// <exception cref="InvalidDataException">There are pictures of a class that the model does not know.</exception>
    public Evaluation Evaluate(PictureSet pictures)
    {
        RequireKnown(pictures);
        IDataView keyed = CreateKeys(_mlContext, ClassNames, pictures.Rows).Transform(pictures.Rows);
        MulticlassClassificationMetrics metrics = _mlContext.MulticlassClassification.Evaluate(
            Classifier.Transform(keyed), nameof(ImageRow.Label), Classifier.ScoreColumnName, Classifier.PredictedLabelColumnName);
        return new Evaluation(ClassNames, [.. metrics.ConfusionMatrix.Counts.Select(row => row.Select(count => (int)count).ToArray())], metrics.LogLoss);
    }

    /// <summary>Some pictures, drawn at random, as the numbers that the network is given.</summary>
    /// <exception cref="InvalidDataException">There are pictures of a class that the model does not know.</exception>
    public MemoryImageSource Sample(PictureSet pictures, int count)
    {
        RequireKnown(pictures);
        ImageShape shape = Classifier.Model.Network.Input;
        IDataView images = shape.Channels == 1 ? _mlContext.Transforms.ConvertToGrayscale(nameof(ImageRow.Image)).Fit(pictures.Rows).Transform(pictures.Rows) : pictures.Rows;
        IDataView pixels = _mlContext.Transforms.ExtractPixels(
            nameof(PixelRow.Pixels), nameof(ImageRow.Image), interleavePixelColors: true,
            colorsToExtract: shape.Channels == 1 ? ImagePixelExtractingEstimator.ColorBits.Red : ImagePixelExtractingEstimator.ColorBits.Rgb).Fit(images).Transform(images);
        // Behind the pixels, because ML.NET's shuffling drops columns of images.
        IDataView drawn = _mlContext.Data.TakeRows(_mlContext.Data.ShuffleRows(pixels, seed: 1), count);
        var sample = new MemoryImageSource(shape, ClassNames.Count);
        string[] names = [.. ClassNames];
        foreach (PixelRow row in _mlContext.Data.CreateEnumerable<PixelRow>(drawn, reuseRowObject: true))
        {
            sample.Add(row.Pixels, Array.IndexOf(names, row.Label));
        }

        return sample;
    }

    /// <summary>The classes' probabilities for each of some pictures, or why one cannot be classified.</summary>
    public IEnumerable<Classification> Classify(IEnumerable<string> paths)
    {
        using PredictionEngine<ImageRow, ImageScores> engine = _mlContext.Model.CreatePredictionEngine<ImageRow, ImageScores>(Classifier, inputSchemaDefinition: ImageRow.SchemaFor(ImageSize.Height, ImageSize.Width));
        foreach (string path in paths)
        {
            yield return Classify(engine, path);
        }
    }

    private void RequireKnown(PictureSet pictures) => Classes.RequireKnown(pictures.ClassNames, pictures.Folder, ClassNames, "the model");

    private Classification Classify(PredictionEngine<ImageRow, ImageScores> engine, string path)
    {
        if (Directory.Exists(path))
        {
            return new Classification(path, Probabilities: null, $"'{path}' is a folder: give the pictures in it, such as {Path.Combine(path, "*.jpg")}");
        }

        try
        {
            using MLImage image = ImageFile.Read(path, ImageSize.Height, ImageSize.Width);
            return new Classification(path, engine.Predict(new ImageRow { Image = image }).Score, Error: null);
        }
        catch (Exception e) when (e is FormatException or IOException or UnauthorizedAccessException)
        {
            return new Classification(path, Probabilities: null, e.Message);
        }
    }

    /// <summary>Writes the file beside <paramref name="path"/> and puts it there when it is whole and on disk.</summary>
    public void Save(string path)
    {
        IDataView input = _mlContext.Data.LoadFromEnumerable<ImageRow>([], ImageRow.SchemaFor(ImageSize.Height, ImageSize.Width));
        _mlContext.Model.SaveAtomically(Pipeline, input.Schema, path);
    }
}

/// <summary>What a model makes of a picture.</summary>
/// <param name="Path">The picture.</param>
/// <param name="Probabilities">One for each class; null where the picture cannot be read.</param>
/// <param name="Error">Why it cannot be read.</param>
internal sealed record Classification(string Path, float[]? Probabilities, string? Error);
