namespace Kfac.Images;

/// <summary>Some of another source's images.</summary>
public sealed class ImageSourceSplit : IImageSource
{
    private readonly IImageSource _source;
    private readonly int[] _indices;

    private ImageSourceSplit(IImageSource source, int[] indices)
    {
        _source = source;
        _indices = indices;
    }

    /// <inheritdoc/>
    public ImageShape Shape => _source.Shape;

    /// <inheritdoc/>
    public int ClassCount => _source.ClassCount;

    /// <inheritdoc/>
    public int Count => _indices.Length;

    /// <summary>
    /// Sets a share of each class's images apart, at even distances from a random start, the same for the same seed: of a class of
    /// two or more at least one, and never all.
    /// </summary>
    /// <param name="source">What is divided.</param>
    /// <param name="fraction">Share of the images to set apart, in (0, 1).</param>
    /// <param name="seed">Seed of the choice.</param>
    /// <returns>The larger rest, and the images set apart, each in the source's order.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="fraction"/> is not in (0, 1).</exception>
    public static (ImageSourceSplit Training, ImageSourceSplit Validation) Stratified(IImageSource source, double fraction, int seed)
    {
        ArgumentNullException.ThrowIfNull(source);
        var counts = new int[source.ClassCount];
        for (int index = 0; index < source.Count; index++)
        {
            counts[source.GetLabel(index)]++;
        }

        var split = new StratifiedSplit(counts, fraction, seed);
        var seen = new int[source.ClassCount];
        ILookup<bool, int> isApart = Enumerable.Range(0, source.Count).ToLookup(index => split.IsApart(source.GetLabel(index), seen[source.GetLabel(index)]++));
        return (new ImageSourceSplit(source, [.. isApart[false]]), new ImageSourceSplit(source, [.. isApart[true]]));
    }

    /// <inheritdoc/>
    public int GetLabel(int index) => _source.GetLabel(_indices[index]);

    /// <inheritdoc/>
    public float GetWeight(int index) => _source.GetWeight(_indices[index]);

    /// <inheritdoc/>
    public void ReadImage(int index, Span<float> pixels) => _source.ReadImage(_indices[index], pixels);
}
