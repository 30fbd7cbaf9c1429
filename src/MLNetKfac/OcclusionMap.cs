using Kfac;
using Kfac.Models;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;
using MLNetKfac.Columns;
using MLNetKfac.Reports;

namespace MLNetKfac;

/// <summary>
/// Where a model looks (Zeiler and Fergus 2014): a square of the picture's mean colour is moved over the picture, and the more the
/// probability of the predicted class falls, the more the place under it matters. Some 250 predictions for a picture.
/// </summary>
/// <remarks>For one thread at a time; any number of them may be at work at once.</remarks>
public sealed class OcclusionMap : IDisposable
{
    private readonly Occlusion _occlusion;
    private readonly ImagePredictor _predictor;
    private readonly ImageShape _shape;
    private readonly int _classes;

    /// <param name="transformer">A model that was trained on a column of images.</param>
    /// <param name="threads">Threads to compute with, at least 1. Default 1.</param>
    /// <exception cref="ArgumentException">The model takes vectors, not images.</exception>
    public OcclusionMap(KfacImageClassificationTransformer transformer, int threads = 1)
    {
        ArgumentNullException.ThrowIfNull(transformer);
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        if (transformer.FeatureColumnType is not ImageDataViewType)
        {
            throw new ArgumentException($"the model must have been trained on a column of images, but '{transformer.FeatureColumnName}' was {transformer.FeatureColumnType}", nameof(transformer));
        }

        ImageClassifier classifier = transformer.Model.Classifier;
        (_shape, _classes) = (classifier.InputShape, classifier.ClassCount);
        _predictor = classifier.CreatePredictor();
        _occlusion = new Occlusion(classifier, threads);
    }

    /// <summary>How much each pixel matters.</summary>
    /// <param name="image">An image of the model's size, such as <see cref="ImageFile"/> reads.</param>
    /// <returns>[H, W], 0 … 1: 1 where the probability falls most when the place is covered, 0 where it does not fall.</returns>
    /// <exception cref="ArgumentException">The image has another size or pixel format.</exception>
    public float[] Compute(MLImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        if (image.Height != _shape.Height || image.Width != _shape.Width)
        {
            throw new ArgumentException($"the image must have {_shape.Height} rows and {_shape.Width} columns, but has {image.Height} and {image.Width}", nameof(image));
        }

        var pixels = new float[_shape.Size];
        if (!MLImagePixelReader.TryCopy(image, _shape.Channels, pixels))
        {
            throw new ArgumentException($"the image must be of format {MLPixelFormat.Bgra32} or {MLPixelFormat.Rgba32}, but is of {image.PixelFormat}", nameof(image));
        }

        var probabilities = new float[_classes];
        _predictor.Predict(pixels, probabilities);
        return _occlusion.Map(new TestedPicture(pixels, Label: 0, probabilities, Name: ""));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _predictor.Dispose();
        _occlusion.Dispose();
    }
}
