namespace Kfac.Images;

/// <summary>A stream whose passes must be what the first one was; of one that leaves out pixels, numbers, labels and weights must.</summary>
/// <param name="stream">The images.</param>
/// <param name="first">What the first pass came to.</param>
internal sealed class UnchangedStream(IImageStream stream, ImageFingerprint first) : IImageStream
{
    public ImageShape Shape => stream.Shape;

    public int ClassCount => stream.ClassCount;

    /// <summary>What the first pass came to.</summary>
    public ImageFingerprint First => first;

    public IImageReader Open() => new Reader(this, stream.Open());

    private sealed class Reader(UnchangedStream owner, IImageReader inner) : IImageReader
    {
        private ImageFingerprint _seen;
        private bool _isWhole = true;

        /// <exception cref="InvalidOperationException">The pass is at its end, or beyond that of the first, and is another.</exception>
        public bool Read(Span<float> pixels, bool isWanted, out int label, out float weight)
        {
            ImageFingerprint first = owner.First;
            if (!inner.Read(pixels, isWanted, out label, out weight))
            {
                return (_isWhole ? _seen == first : (_seen.Count, _seen.Heads) == (first.Count, first.Heads)) ? false : throw Changed(
                    _seen.Count < first.Count ? $"only {_seen.Count} images"
                    : !_isWhole ? "other labels or weights, or the same in another order"
                    : _seen.Content == first.Content ? "the same images in another order" : "other images");
            }

            MemoryImageSource.Require(owner.Shape, owner.ClassCount, _seen.Count, pixels, label, weight);
            if (isWanted)
            {
                _seen.Add(pixels, label, weight);
            }
            else
            {
                _seen.AddHead(label, weight);
            }

            _isWhole &= isWanted;
            return _seen.Count <= first.Count ? true : throw Changed("more images");
        }

        public void Dispose() => inner.Dispose();

        private InvalidOperationException Changed(string what) => new(
            $"the data changed: its first pass gave {owner.First.Count} images, a later one {what}. Every pass must give the same images in the same order: shuffle and draw once, before the training, or hold all images in memory by a larger MemoryBudget");
    }
}
