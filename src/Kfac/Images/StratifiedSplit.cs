namespace Kfac.Images;

/// <summary>
/// Which images are set apart. Of the n images of a class, m = round(fraction · n) are, at even distances from a random start:
/// number i where ⌊(i + start)·m / n⌋ rises by one. m is at least 1 for a class of two or more, and less than n.
/// </summary>
internal sealed class StratifiedSplit
{
    private readonly int[] _counts;
    private readonly long[] _starts;

    /// <param name="counts">n of each class.</param>
    /// <param name="fraction">Share of the images to set apart, in (0, 1).</param>
    /// <param name="seed">Seed of the starts.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="fraction"/> is not in (0, 1).</exception>
    public StratifiedSplit(IReadOnlyList<int> counts, double fraction, int seed)
    {
        if (!(fraction > 0 && fraction < 1))
        {
            throw new ArgumentOutOfRangeException(nameof(fraction), fraction, "the fraction must be above 0 and below 1");
        }

        _counts = [.. counts];
        CountsApart = [.. counts.Select(count => count < 2 ? 0 : Math.Clamp((int)Math.Round(fraction * count), 1, count - 1))];
        _starts = [.. counts.Select((count, label) => (long)(new SplitMix64(seed, RandomStream.ValidationSplit, label).NextDouble() * count))];
    }

    /// <summary>m of each class.</summary>
    public IReadOnlyList<int> CountsApart { get; }

    /// <summary>Whether image <paramref name="number"/>, counted from 0 among those of class <paramref name="label"/>, is set apart.</summary>
    public bool IsApart(int label, long number)
    {
        long at = number + _starts[label];
        return (at + 1) * CountsApart[label] / _counts[label] > at * CountsApart[label] / _counts[label];
    }
}
