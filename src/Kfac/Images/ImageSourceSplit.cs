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
    /// Sets a share of each class's images apart, at random but the same for the same seed: of a class of two or more at least
    /// one, and never all.
    /// </summary>
    /// <param name="source">What is divided.</param>
    /// <param name="fraction">Share of the images to set apart, in (0, 1).</param>
    /// <param name="seed">Seed of the choice.</param>
    /// <returns>The larger rest, and the images set apart, each in the source's order.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="fraction"/> is not in (0, 1).</exception>
    public static (ImageSourceSplit Training, ImageSourceSplit Validation) Stratified(IImageSource source, double fraction, int seed)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (!(fraction > 0 && fraction < 1))
        {
            throw new ArgumentOutOfRangeException(nameof(fraction), fraction, "the fraction must be above 0 and below 1");
        }

        var apart = new List<int>();
        foreach (IGrouping<int, int> members in Enumerable.Range(0, source.Count).GroupBy(source.GetLabel).OrderBy(group => group.Key))
        {
            int[] indices = [.. members];
            new SplitMix64(seed, RandomStream.ValidationSplit, members.Key).Shuffle(indices);
            apart.AddRange(indices.Take(ImageSet.CountApart(fraction, indices.Length)));
        }

        apart.Sort();
        var isApart = apart.ToHashSet();
        int[] rest = [.. Enumerable.Range(0, source.Count).Where(index => !isApart.Contains(index))];
        return (new ImageSourceSplit(source, rest), new ImageSourceSplit(source, [.. apart]));
    }

    /// <inheritdoc/>
    public int GetLabel(int index) => _source.GetLabel(_indices[index]);

    /// <inheritdoc/>
    public float GetWeight(int index) => _source.GetWeight(_indices[index]);

    /// <inheritdoc/>
    public void ReadImage(int index, Span<float> pixels) => _source.ReadImage(_indices[index], pixels);
}
