using Kfac.Images;

namespace Kfac.Tests.Images;

/// <summary>A source's images in their order, or in another, or not all of them.</summary>
internal sealed class SourceStream(MemoryImageSource source) : IImageStream
{
    private int _pixelsRead;

    public int Passes { get; private set; }

    /// <summary>Images whose pixels were asked for, in all passes.</summary>
    public int PixelsRead => _pixelsRead;

    public MemoryImageSource Source { get; set; } = source;

    public int MaxImages { get; set; } = int.MaxValue;

    public int[]? Order { get; set; }

    public ImageShape Shape => Source.Shape;

    public int ClassCount => Source.ClassCount;

    public IImageReader Open()
    {
        Passes++;
        return new Reader(this, Source, Math.Min(MaxImages, Source.Count), Order);
    }

    private sealed class Reader(SourceStream stream, MemoryImageSource source, int count, int[]? order) : IImageReader
    {
        private int _next;

        public bool Read(Span<float> pixels, bool isWanted, out int label, out float weight)
        {
            (label, weight) = (-1, 1);
            if (_next >= count)
            {
                return false;
            }

            int index = order?[_next] ?? _next;
            _next++;
            if (isWanted)
            {
                source.ReadImage(index, pixels);
                stream._pixelsRead++;
            }

            label = source.GetLabel(index);
            return true;
        }

        public void Dispose()
        {
        }
    }
}
