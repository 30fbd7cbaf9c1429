using Kfac;
using Kfac.Images;

namespace MLNetKfac.Reports;

/// <summary>What a model made of the test pictures.</summary>
/// <remarks>Of all pictures the figures are kept; the pixels of a few only.</remarks>
internal sealed class TestResult
{
    /// <summary>Quantile of the normal distribution for an interval of 95 %.</summary>
    private const double Normal95 = 1.959964;

    private readonly Random _random = new(1);
    private readonly int _kept, _sampled;
    private readonly PriorityQueue<TestedPicture, double> _worst = new();
    private readonly List<(float[] Pixels, int Label)> _sample = [];
    private double _lossSum;

    /// <param name="shape">Of the pictures.</param>
    /// <param name="classNames">In the order of the probabilities.</param>
    /// <param name="isValidation">Whether the pictures are those that chose epoch and temperature.</param>
    /// <param name="kept">How many of the worst pictures to keep.</param>
    /// <param name="sampled">How many pictures to draw at random.</param>
    public TestResult(ImageShape shape, IReadOnlyList<string> classNames, bool isValidation, int kept, int sampled)
    {
        (Shape, ClassNames, IsValidation, _kept, _sampled) = (shape, classNames, isValidation, kept, sampled);
        Confusion = [.. classNames.Select(_ => new int[classNames.Count])];
    }

    public ImageShape Shape { get; }

    public IReadOnlyList<string> ClassNames { get; }

    /// <summary>Whether the pictures chose the epoch and the temperature, so that the figures are flattered.</summary>
    public bool IsValidation { get; }

    /// <summary>What the pictures are called.</summary>
    public string PicturesName => IsValidation ? "held-back pictures" : "test pictures";

    /// <summary>[is, was taken for] numbers of pictures.</summary>
    public int[][] Confusion { get; }

    public Calibration Calibration { get; } = new();

    public int Count { get; private set; }

    /// <summary>Rows without a label or with a pixel that is not finite.</summary>
    public int LeftOut { get; set; }

    public int Correct => Confusion.Select((row, label) => row[label]).Sum();

    public double Accuracy => (double)Correct / Count;

    /// <summary>Mean of -ln p[label], in nats.</summary>
    public double LogLoss => _lossSum / Count;

    /// <summary>Wilson's interval of 95 % for the accuracy.</summary>
    public (double From, double To) AccuracyInterval
    {
        get
        {
            double n = Count, z2 = Normal95 * Normal95, middle = (Accuracy + z2 / (2 * n)) / (1 + z2 / n);
            double half = Normal95 / (1 + z2 / n) * Math.Sqrt(Accuracy * (1 - Accuracy) / n + z2 / (4 * n * n));
            return (Math.Max(0, middle - half), Math.Min(1, middle + half));
        }
    }

    /// <summary>The pictures with the largest losses: mistakes first, then those classified correctly.</summary>
    public IReadOnlyList<TestedPicture> Worst => [.. _worst.UnorderedItems.OrderByDescending(item => item.Priority).Select(item => item.Element)];

    /// <summary>Pictures drawn at random, the same ones each time.</summary>
    public MemoryImageSource Sample()
    {
        var sample = new MemoryImageSource(Shape, ClassNames.Count);
        foreach ((float[] pixels, int label) in _sample)
        {
            sample.Add(pixels, label);
        }

        return sample;
    }

    public void Add(ReadOnlySpan<float> pixels, int label, ReadOnlySpan<float> probabilities, Func<string> name)
    {
        int predicted = System.Numerics.Tensors.TensorPrimitives.IndexOfMax(probabilities);
        double loss = TestedPicture.LossOf(probabilities[label]);
        Count++;
        _lossSum += loss;
        Confusion[label][predicted]++;
        Calibration.Add(probabilities[predicted], predicted == label);

        // No loss is as large as this.
        double priority = loss + (predicted == label ? 0 : 1000);
        if (_kept > 0 && (_worst.Count < _kept || _worst.TryPeek(out _, out double least) && priority > least))
        {
            _worst.Enqueue(new TestedPicture(pixels.ToArray(), label, probabilities.ToArray(), name()), priority);
            if (_worst.Count > _kept)
            {
                _worst.Dequeue();
            }
        }

        int place = _sample.Count < _sampled ? _sample.Count : _random.Next(Count);
        if (place == _sample.Count && place < _sampled)
        {
            _sample.Add((pixels.ToArray(), label));
        }
        else if (place < _sampled)
        {
            _sample[place] = (pixels.ToArray(), label);
        }
    }
}
