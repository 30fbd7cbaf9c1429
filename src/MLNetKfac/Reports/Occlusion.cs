using Kfac;
using Kfac.Models;

namespace MLNetKfac.Reports;

/// <summary>
/// Where a classifier looks (Zeiler and Fergus 2014): a grey square is moved over the picture, and the more the probability of
/// the predicted class falls, the more the place under it matters.
/// </summary>
internal sealed class Occlusion : IDisposable
{
    /// <summary>Squares beside each other across the longer side, and steps of a square's width.</summary>
    private const int Squares = 5, Steps = 3;

    private readonly ImageShape _shape;
    private readonly ImagePredictor _predictor;
    private readonly float[] _images, _probabilities;
    private readonly int _classes;

    public Occlusion(ImageClassifier classifier, int threads)
    {
        _shape = classifier.InputShape;
        _classes = classifier.ClassCount;
        _predictor = classifier.CreatePredictor(classifier.UsualBatchCapacity, threads);
        _images = new float[_predictor.BatchCapacity * _shape.Size];
        _probabilities = new float[_predictor.BatchCapacity * _classes];
    }

    /// <summary>[H, W] 0 … 1: the mean fall over the squares that cover a pixel, as a share of the largest such mean; 0 where it does not fall.</summary>
    public float[] Map(TestedPicture picture)
    {
        int side = Math.Max(1, (int)Math.Round((double)Math.Max(_shape.Height, _shape.Width) / Squares)), step = Math.Max(1, side / Steps);
        (int Row, int Column)[] places = [.. from row in Starts(_shape.Height, side, step) from column in Starts(_shape.Width, side, step) select (row, column)];
        float[] mean = Mean(picture.Pixels);
        var falls = new float[_shape.Height * _shape.Width];
        var covers = new int[falls.Length];
        foreach ((int Row, int Column)[] batch in places.Chunk(_predictor.BatchCapacity))
        {
            for (int n = 0; n < batch.Length; n++)
            {
                Span<float> image = _images.AsSpan(n * _shape.Size, _shape.Size);
                picture.Pixels.CopyTo(image);
                foreach (int pixel in Covered(batch[n], side))
                {
                    mean.CopyTo(image[(pixel * _shape.Channels)..]);
                }
            }

            _predictor.Predict(_images.AsSpan(0, batch.Length * _shape.Size), _probabilities.AsSpan(0, batch.Length * _classes));
            for (int n = 0; n < batch.Length; n++)
            {
                float fall = picture.Probabilities[picture.Predicted] - _probabilities[n * _classes + picture.Predicted];
                foreach (int pixel in Covered(batch[n], side))
                {
                    falls[pixel] += fall;
                    covers[pixel]++;
                }
            }
        }

        float[] map = [.. falls.Select((fall, pixel) => Math.Max(0, fall / covers[pixel]))];
        float largest = map.Max();
        return largest > 0 ? Array.ConvertAll(map, value => value / largest) : map;
    }

    public void Dispose() => _predictor.Dispose();

    /// <summary>From before the first pixel to behind the last, so that the rim is covered as often as the middle.</summary>
    private static IEnumerable<int> Starts(int length, int side, int step)
    {
        for (int start = step - side; start < length; start += step)
        {
            yield return start;
        }
    }

    private IEnumerable<int> Covered((int Row, int Column) place, int side)
    {
        for (int row = Math.Max(0, place.Row); row < Math.Min(_shape.Height, place.Row + side); row++)
        {
            for (int column = Math.Max(0, place.Column); column < Math.Min(_shape.Width, place.Column + side); column++)
            {
                yield return row * _shape.Width + column;
            }
        }
    }

    private float[] Mean(float[] pixels)
    {
        var mean = new float[_shape.Channels];
        for (int i = 0; i < pixels.Length; i++)
        {
            mean[i % mean.Length] += pixels[i] / (pixels.Length / mean.Length);
        }

        return mean;
    }
}
