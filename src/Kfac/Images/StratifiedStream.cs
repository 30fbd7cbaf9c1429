namespace Kfac.Images;

/// <summary>
/// The images of a stream that are set apart, or the others. Of the n images of a class, m are set apart at even distances
/// from a random start: number i where ⌊(i + start)·m / n⌋ rises by one.
/// </summary>
/// <param name="stream">All images.</param>
/// <param name="counts">n of each class.</param>
/// <param name="apart">m of each class.</param>
/// <param name="takesApart">Which part this is.</param>
/// <param name="seed">Seed of the starts.</param>
internal sealed class StratifiedStream(IImageStream stream, int[] counts, int[] apart, bool takesApart, int seed) : IImageStream
{
    public ImageShape Shape => stream.Shape;

    public int ClassCount => stream.ClassCount;

    public IImageReader Open() => new Reader(this, stream.Open());

    private bool Takes(int label, long number)
    {
        long start = (long)(new SplitMix64(seed, RandomStream.ValidationSplit, label).NextDouble() * counts[label]);
        return Rises(number + start) == takesApart;

        bool Rises(long at) => (at + 1) * apart[label] / counts[label] > at * apart[label] / counts[label];
    }

    private sealed class Reader(StratifiedStream owner, IImageReader inner) : IImageReader
    {
        private readonly long[] _seen = new long[owner.ClassCount];

        public bool Read(Span<float> pixels, out int label, out float weight)
        {
            while (inner.Read(pixels, out label, out weight))
            {
                if (owner.Takes(label, _seen[label]++))
                {
                    return true;
                }
            }

            return false;
        }

        public void Dispose() => inner.Dispose();
    }
}
