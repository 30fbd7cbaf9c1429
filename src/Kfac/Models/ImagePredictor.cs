using System.Numerics.Tensors;
using Kfac.Parallel;
using Kfac.Running;

namespace Kfac.Models;

/// <summary>Classifies images with an <see cref="ImageClassifier"/>. One prediction at a time: threads that are to predict side by side take a predictor each.</summary>
public sealed class ImagePredictor : IDisposable
{
    private readonly ImageClassifier _model;
    private readonly Workers _workers;
    private readonly Network _network;
    private readonly SoftmaxCrossEntropy _softmax;

    /// <summary>What is averaged: a view of an image, and the class scores of the views so far, weighted.</summary>
    private readonly IReadOnlyList<ImageView> _views;
    private readonly float[] _view = [], _sums = [];

    /// <summary>Held while a prediction runs.</summary>
    private readonly Lock _running = new();
    private bool _isDisposed;

    internal ImagePredictor(ImageClassifier model, int batchCapacity, int threads)
    {
        _model = model;
        _softmax = new SoftmaxCrossEntropy(model.ClassCount, batchCapacity);
        _views = model.Views.Of(model.InputShape);
        if (_views.Count > 1)
        {
            (_view, _sums) = (new float[model.InputShape.Size], new float[checked(model.ClassCount * batchCapacity)]);
        }

        _workers = new Workers(Math.Min(threads, Workers.MaxCount));
        try
        {
            _network = new Network(model.Spec, batchCapacity, _workers, trains: false, model.Store);
        }
        catch (OverflowException e)
        {
            _workers.Dispose();
            throw new ArgumentException($"{batchCapacity} images of {model.InputShape} at a time need more values than an array can hold: give a smaller batchCapacity", nameof(batchCapacity), e);
        }
        catch
        {
            _workers.Dispose();
            throw;
        }
    }

    /// <summary>Largest number of images in one call.</summary>
    public int BatchCapacity => _network.Capacity;

    /// <summary>The classes' probabilities for each image.</summary>
    /// <param name="images">[N, H, W, C], in the unit of the training images; N from 1 to <see cref="BatchCapacity"/>.</param>
    /// <param name="probabilities">[N, classes], overwritten; each row adds up to 1.</param>
    /// <exception cref="ArgumentException">A length is not as above.</exception>
    /// <exception cref="ObjectDisposedException">The predictor was disposed of.</exception>
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

        lock (_running)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            Run(images, probabilities, count);
        }
    }

    /// <summary>Ends the predictor's threads, after the prediction that is running.</summary>
    public void Dispose()
    {
        lock (_running)
        {
            if (!_isDisposed)
            {
                _isDisposed = true;
                _workers.Dispose();
            }
        }
    }

    /// <summary>The class scores [N, classes], at a temperature of 1.</summary>
    internal void Score(ReadOnlySpan<float> images, Span<float> scores, int count)
    {
        Forward(images, count);
        for (int n = 0; n < count; n++)
        {
            _network.Logits.Row(n, 0).CopyTo(scores[(n * _model.ClassCount)..]);
        }
    }

    private void Run(ReadOnlySpan<float> images, Span<float> probabilities, int count)
    {
        Forward(images, count);
        for (int n = 0; n < count && _model.Temperature != 1; n++)
        {
            Span<float> logits = _network.Logits.Row(n, 0);
            TensorPrimitives.Divide(logits, _model.Temperature, logits);
        }

        _softmax.Normalize(_network.Logits, count);
        for (int n = 0; n < count; n++)
        {
            _softmax.Probabilities(n).CopyTo(probabilities[(n * _model.ClassCount)..]);
        }
    }

    /// <summary>Leaves the class scores in the network's logits.</summary>
    private void Forward(ReadOnlySpan<float> images, int count)
    {
        int size = _model.InputShape.Size;
        if (_views.Count == 1)
        {
            for (int n = 0; n < count; n++)
            {
                _model.Scaling.Write(images.Slice(n * size, size), _network.Input, n);
            }

            _network.Forward(count);
            return;
        }

        Span<float> sums = _sums.AsSpan(0, count * _model.ClassCount);
        sums.Clear();
        foreach (ImageView view in _views)
        {
            for (int n = 0; n < count; n++)
            {
                view.Write(images.Slice(n * size, size), _model.InputShape, _view);
                _model.Scaling.Write(_view, _network.Input, n);
            }

            _network.Forward(count);
            for (int n = 0; n < count; n++)
            {
                Span<float> sum = sums.Slice(n * _model.ClassCount, _model.ClassCount);
                TensorPrimitives.MultiplyAdd(_network.Logits.Row(n, 0), view.Weight, sum, sum);
            }
        }

        for (int n = 0; n < count; n++)
        {
            sums.Slice(n * _model.ClassCount, _model.ClassCount).CopyTo(_network.Logits.Row(n, 0));
        }
    }
}
