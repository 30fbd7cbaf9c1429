namespace Kfac.Images;

/// <summary>Images that are read in passes, as they do not fit into memory.</summary>
internal sealed class StreamImageSet : ImageSet
{
    private readonly UnchangedStream _whole;
    private readonly IImageStream _stream;
    private readonly InputScaling _scaling;
    private readonly int _bufferImages;

    private StreamImageSet(UnchangedStream whole, IImageStream stream, int[] classCounts, double[] classWeights, InputScaling scaling, int bufferImages)
        : base(stream.Shape, classCounts, classWeights)
    {
        _whole = whole;
        _stream = stream;
        _scaling = scaling;
        _bufferImages = bufferImages;
    }

    public override bool IsInMemory => false;

    /// <summary>Reads the rest of a pass for its numbers.</summary>
    /// <param name="stream">The images.</param>
    /// <param name="reader">The pass.</param>
    /// <param name="first">The images that it gave so far.</param>
    /// <param name="bufferBytes">Memory to shuffle in.</param>
    public static StreamImageSet Measure(IImageStream stream, IImageReader reader, MemoryImageSource first, long bufferBytes)
    {
        var counts = new int[stream.ClassCount];
        var weights = new double[stream.ClassCount];
        var moments = new ChannelMoments(stream.Shape);
        ImageFingerprint fingerprint = default;
        var pixels = new float[stream.Shape.Size];
        for (int n = 0; n < first.Count; n++)
        {
            first.ReadImage(n, pixels);
            Add(first.GetLabel(n), first.GetWeight(n));
        }

        int bufferImages = (int)Math.Clamp(bufferBytes / (first.Bytes / first.Count), 1, Array.MaxLength);
        for (long number = first.Count; reader.Read(pixels, isWanted: true, out int label, out float weight); number++)
        {
            MemoryImageSource.Require(stream.Shape, stream.ClassCount, number, pixels, label, weight);
            Add(label, weight);
        }

        var whole = new UnchangedStream(stream, fingerprint);
        return new StreamImageSet(whole, whole, counts, weights, moments.ToScaling(), bufferImages);

        void Add(int label, float weight)
        {
            counts[label] = checked(counts[label] + 1);
            weights[label] += weight;
            moments.Add(pixels);
            fingerprint.Add(pixels, label, weight);
        }
    }

    /// <remarks>The scaling stays that of all images, and weights are taken to be spread evenly: another pass would tell hardly more.</remarks>
    public override (ImageSet Training, ImageSet Validation) Split(double fraction, int seed)
    {
        var split = new StratifiedSplit(ClassCounts, fraction, seed);
        return (Part(takesApart: false), Part(takesApart: true));

        StreamImageSet Part(bool takesApart)
        {
            int[] sizes = [.. ClassCounts.Zip(split.CountsApart, (all, apart) => takesApart ? apart : all - apart)];
            double[] weights = [.. ClassWeights.Select((weight, c) => ClassCounts[c] == 0 ? 0 : weight * sizes[c] / ClassCounts[c])];
            return new StreamImageSet(_whole, new StratifiedStream(_stream, split, takesApart), sizes, weights, _scaling, _bufferImages);
        }
    }

    internal override InputScaling MeasureScaling() => _scaling;

    /// <remarks>Of a part of a stream, the fingerprint is that of the whole; what the part is shows in its numbers and the seed.</remarks>
    internal override string Describe() => Describe($"read in passes and shuffled in a buffer of {_bufferImages}", _whole.First);

    internal override ImageSequence Open(int? seed) => new StreamSequence(_stream, Count, seed, _bufferImages);
}
