namespace Kfac.Images;

/// <summary>Images held in memory, as bytes where their values are bytes: a quarter of the memory, and the same values.</summary>
public sealed class MemoryImageSource : IImageSource
{
    private readonly ImageStore _images;
    private readonly List<int> _labels = [];
    private readonly List<float> _weights = [];

    /// <param name="shape">Shape of every image.</param>
    /// <param name="classCount">Number of classes.</param>
    public MemoryImageSource(ImageShape shape, int classCount)
    {
        _images = new ImageStore(shape.Size);
        Shape = shape;
        ClassCount = classCount;
    }

    /// <inheritdoc/>
    public ImageShape Shape { get; }

    /// <inheritdoc/>
    public int ClassCount { get; }

    /// <inheritdoc/>
    public int Count => _labels.Count;

    /// <summary>Memory that the images take, in bytes.</summary>
    public long Bytes => _images.Bytes;

    /// <summary>Adds a copy of one image.</summary>
    /// <param name="pixels">H·W·C finite values, channels fastest.</param>
    /// <param name="label">Its class.</param>
    /// <param name="weight">How much it counts in the loss, finite and 0 or more.</param>
    /// <exception cref="ArgumentException">The number of values is not H·W·C, a value or the weight is not as above, or there is no such class.</exception>
    public void Add(ReadOnlySpan<float> pixels, int label, float weight = 1)
    {
        Require(Shape, ClassCount, Count, pixels, label, weight);
        _images.Write(Count, pixels);
        _labels.Add(label);
        _weights.Add(weight);
    }

    /// <summary>Refuses what is no image number <paramref name="number"/> of its kind.</summary>
    internal static void Require(ImageShape shape, int classCount, long number, ReadOnlySpan<float> pixels, int label, float weight)
    {
        if (pixels.Length != shape.Size)
        {
            throw new ArgumentException($"an image of {shape} has {shape.Size} values, but {pixels.Length} came", nameof(pixels));
        }

        if (label < 0 || label >= classCount)
        {
            throw new ArgumentOutOfRangeException(nameof(label), label, $"a label must be in 0 … {classCount - 1}");
        }

        if (!(weight >= 0 && float.IsFinite(weight)))
        {
            throw new ArgumentOutOfRangeException(nameof(weight), weight, "a weight must be finite and 0 or more");
        }

        for (int i = 0; i < pixels.Length; i++)
        {
            if (!float.IsFinite(pixels[i]))
            {
                throw new ArgumentException($"value {i} of image {number} is {pixels[i]}", nameof(pixels));
            }
        }
    }

    /// <inheritdoc/>
    public int GetLabel(int index) => _labels[index];

    /// <inheritdoc/>
    public float GetWeight(int index) => _weights[index];

    /// <inheritdoc/>
    public void ReadImage(int index, Span<float> pixels) => _images.Read(index, pixels);
}
