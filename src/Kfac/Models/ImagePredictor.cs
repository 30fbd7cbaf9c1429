using Kfac.Parallel;
using Kfac.Running;

namespace Kfac.Models;

/// <summary>Classifies images with an <see cref="ImageClassifier"/>. Not for several threads at once: each takes its own.</summary>
public sealed class ImagePredictor : IDisposable
{
    private readonly ImageClassifier _model;
    private readonly Workers _workers;
    private readonly Network _network;
    private readonly SoftmaxCrossEntropy _softmax;

    internal ImagePredictor(ImageClassifier model, int batchCapacity, int threads)
    {
        _model = model;
        _workers = new Workers(threads);
        _network = new Network(model.Spec, batchCapacity, _workers, trains: false, model.Store);
        _softmax = new SoftmaxCrossEntropy(model.ClassCount, batchCapacity);
    }

    /// <summary>Largest number of images in one call.</summary>
    public int BatchCapacity => _network.Capacity;

    /// <summary>The classes' probabilities for each image.</summary>
    /// <param name="images">[N, H, W, C], in the unit of the training images; N from 1 to <see cref="BatchCapacity"/>.</param>
    /// <param name="probabilities">[N, classes], overwritten; each row adds up to 1.</param>
    /// <exception cref="ArgumentException">A length is not as above.</exception>
    public void Predict(ReadOnlySpan<float> images, Span<float> probabilities)
    {
        int size = _model.InputShape.Size, classes = _model.ClassCount, count = images.Length / size;
        if (images.Length != count * size || count < 1 || count > BatchCapacity)
        {
            throw new ArgumentException($"images must be 1 to {BatchCapacity} times {size} values, but are {images.Length}", nameof(images));
        }

        if (probabilities.Length != count * classes)
        {
            throw new ArgumentException($"probabilities of {count} images must be {count * classes} values, but are {probabilities.Length}", nameof(probabilities));
        }

        for (int n = 0; n < count; n++)
        {
            _model.Scaling.Write(images.Slice(n * size, size), _network.Input, n);
        }

        _network.Forward(count);
        _softmax.Normalize(_network.Logits, count);
        for (int n = 0; n < count; n++)
        {
            _softmax.Probabilities(n).CopyTo(probabilities[(n * classes)..]);
        }
    }

    /// <summary>Ends the predictor's threads.</summary>
    public void Dispose() => _workers.Dispose();
}
