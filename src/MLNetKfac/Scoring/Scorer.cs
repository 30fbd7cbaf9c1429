using Kfac.Models;
using Microsoft.ML.Data;
using MLNetKfac.Columns;

namespace MLNetKfac.Scoring;

/// <summary>
/// Classifies a few images at once. The probabilities of an image with a pixel that is not finite are NaN, since a network
/// may make something plausible of it. For one thread at a time.
/// </summary>
internal sealed class Scorer : IDisposable
{
    private readonly PixelReader _reader;
    private readonly ImagePredictor _predictor;
    private readonly int _imageSize;
    private readonly int _classCount;
    private readonly float[] _images;
    private readonly float[] _probabilities;
    private readonly bool[] _finite;

    /// <param name="model">What classifies.</param>
    /// <param name="reader">Gives the images.</param>
    /// <param name="capacity">Largest number of images at once.</param>
    /// <param name="threads">Threads to compute with.</param>
    public Scorer(ImageClassifier model, PixelReader reader, int capacity, int threads)
    {
        _reader = reader;
        _predictor = model.CreatePredictor(capacity, threads);
        _imageSize = model.InputShape.Size;
        _classCount = model.ClassCount;
        _images = new float[capacity * _imageSize];
        _probabilities = new float[capacity * _classCount];
        _finite = new bool[capacity];
    }

    /// <summary>Takes the image of the reader's row as number <paramref name="index"/>.</summary>
    public void ReadImage(int index) => _finite[index] = _reader.Read(_images.AsSpan(index * _imageSize, _imageSize)) < 0;

    /// <summary>Classifies the first <paramref name="count"/> images.</summary>
    public void Classify(int count)
    {
        _predictor.Predict(_images.AsSpan(0, count * _imageSize), _probabilities.AsSpan(0, count * _classCount));
        for (int index = 0; index < count; index++)
        {
            if (!_finite[index])
            {
                Probabilities(index).Fill(float.NaN);
            }
        }
    }

    /// <summary>The probabilities of image <paramref name="index"/>.</summary>
    public void GetScore(int index, ref VBuffer<float> score)
    {
        VBufferEditor<float> editor = VBufferEditor.Create(ref score, _classCount);
        Probabilities(index).CopyTo(editor.Values);
        score = editor.Commit();
    }

    /// <summary>The key of the most probable class of image <paramref name="index"/>, the first of equals; 0, missing, where they are NaN.</summary>
    public uint GetPredictedLabel(int index)
    {
        Span<float> probabilities = Probabilities(index);
        float largest = System.Numerics.Tensors.TensorPrimitives.Max(probabilities);
        return float.IsNaN(largest) ? 0 : (uint)probabilities.IndexOf(largest) + 1;
    }

    public void Dispose() => _predictor.Dispose();

    private Span<float> Probabilities(int index) => _probabilities.AsSpan(index * _classCount, _classCount);
}
