namespace Kfac.Images;

/// <summary>The images of a stream that are set apart, or the others.</summary>
/// <param name="stream">All images.</param>
/// <param name="split">Which are set apart.</param>
/// <param name="takesApart">Which part this is.</param>
internal sealed class StratifiedStream(IImageStream stream, StratifiedSplit split, bool takesApart) : IImageStream
{
    public ImageShape Shape => stream.Shape;

    public int ClassCount => stream.ClassCount;

    public IImageReader Open() => new Reader(stream.Open(), split, takesApart, stream.ClassCount);

    private sealed class Reader(IImageReader inner, StratifiedSplit split, bool takesApart, int classes) : IImageReader
    {
        private readonly long[] _seen = new long[classes];

        public bool Read(Span<float> pixels, bool isWanted, out int label, out float weight)
        {
            while (inner.Read(pixels, isWanted, out label, out weight))
            {
                if (split.IsApart(label, _seen[label]++) == takesApart)
                {
                    return true;
                }
            }

            return false;
        }

        public void Dispose() => inner.Dispose();
    }
}
