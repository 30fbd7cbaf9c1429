namespace Kfac.Training;

/// <summary>Labelled images that can be read in any order.</summary>
public interface IImageSource
{
    /// <summary>Shape of every image.</summary>
    ImageShape Shape { get; }

    /// <summary>Number of classes; labels are 0 … ClassCount-1.</summary>
    int ClassCount { get; }

    /// <summary>Number of images.</summary>
    int Count { get; }

    /// <summary>The class of image <paramref name="index"/>.</summary>
    int GetLabel(int index);

    /// <summary>Writes image <paramref name="index"/> to <paramref name="pixels"/>: H·W·C values, channels fastest.</summary>
    void ReadImage(int index, Span<float> pixels);
}

/// <summary>Images held in memory, as bytes where every value is one: a quarter of the memory, and the same values.</summary>
public sealed class MemoryImageSource : IImageSource
{
    private readonly List<byte[]?> _bytes = [];
    private readonly List<float[]?> _floats = [];
    private readonly List<int> _labels = [];

    /// <param name="shape">Shape of every image.</param>
    /// <param name="classCount">Number of classes.</param>
    public MemoryImageSource(ImageShape shape, int classCount)
    {
        Shape = shape;
        ClassCount = classCount;
    }

    /// <inheritdoc/>
    public ImageShape Shape { get; }

    /// <inheritdoc/>
    public int ClassCount { get; }

    /// <inheritdoc/>
    public int Count => _labels.Count;

    /// <summary>Adds a copy of one image.</summary>
    /// <param name="pixels">H·W·C finite values, channels fastest.</param>
    /// <param name="label">Its class.</param>
    /// <exception cref="ArgumentException">The number of values is not H·W·C, a value is not finite, or there is no such class.</exception>
    public void Add(ReadOnlySpan<float> pixels, int label)
    {
        if (pixels.Length != Shape.Size)
        {
            throw new ArgumentException($"an image of {Shape} has {Shape.Size} values, but {pixels.Length} came", nameof(pixels));
        }

        if (label < 0 || label >= ClassCount)
        {
            throw new ArgumentOutOfRangeException(nameof(label), label, $"a label must be in 0 … {ClassCount - 1}");
        }

        var bytes = new byte[pixels.Length];
        bool exact = true;
        for (int i = 0; i < pixels.Length; i++)
        {
            if (!float.IsFinite(pixels[i]))
            {
                throw new ArgumentException($"value {i} of image {Count} is {pixels[i]}", nameof(pixels));
            }

            bytes[i] = (byte)Math.Clamp(pixels[i], 0f, 255f);
            exact &= bytes[i] == pixels[i];
        }

        _bytes.Add(exact ? bytes : null);
        _floats.Add(exact ? null : pixels.ToArray());
        _labels.Add(label);
    }

    /// <inheritdoc/>
    public int GetLabel(int index) => _labels[index];

    /// <inheritdoc/>
    public void ReadImage(int index, Span<float> pixels)
    {
        if (_floats[index] is { } floats)
        {
            floats.CopyTo(pixels);
            return;
        }

        System.Numerics.Tensors.TensorPrimitives.ConvertTruncating<byte, float>(_bytes[index], pixels);
    }
}
