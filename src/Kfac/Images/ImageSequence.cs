using System.Diagnostics;

namespace Kfac.Images;

/// <summary>The images of an epoch one after the other, for one thread at a time.</summary>
internal abstract class ImageSequence : IDisposable
{
    /// <summary>Images in an epoch.</summary>
    public abstract int Count { get; }

    /// <summary>Goes to an image of an epoch; the order depends on nothing else.</summary>
    /// <param name="epoch">0 for the first.</param>
    /// <param name="position">How many of the epoch's images to leave out, as they were taken before.</param>
    /// <param name="isWanted">Of the epoch's images, counted from 0, those whose pixels will be asked for; null for all.</param>
    public abstract void Begin(int epoch, int position = 0, Func<int, bool>? isWanted = null);

    /// <summary>Takes the next of the epoch's <see cref="Count"/> images, or passes it over.</summary>
    /// <param name="pixels">[H, W, C], overwritten.</param>
    /// <param name="isWanted">Whether the pixels are; they may not be where <see cref="Begin"/> was told otherwise.</param>
    /// <param name="label">Its class.</param>
    /// <param name="weight">Its weight.</param>
    /// <returns>Its number, the same in every epoch.</returns>
    public abstract int Next(Span<float> pixels, bool isWanted, out int label, out float weight);

    public virtual void Dispose()
    {
    }
}

/// <summary>Images that can be read in any order: all of them shuffled, or, without a seed, in their own order.</summary>
internal sealed class SourceSequence(IImageSource source, int? seed) : ImageSequence
{
    private readonly int[] _order = new int[source.Count];
    private int _next;

    public override int Count => _order.Length;

    public override void Begin(int epoch, int position = 0, Func<int, bool>? isWanted = null)
    {
        for (int i = 0; i < _order.Length; i++)
        {
            _order[i] = i;
        }

        if (seed is { } value)
        {
            new SplitMix64(value, RandomStream.ImageOrder, epoch).Shuffle(_order);
        }

        _next = position;
    }

    public override int Next(Span<float> pixels, bool isWanted, out int label, out float weight)
    {
        int index = _order[_next++];
        if (isWanted)
        {
            source.ReadImage(index, pixels);
        }

        label = source.GetLabel(index);
        weight = source.GetWeight(index);
        return index;
    }
}

/// <summary>
/// Images that can only be read in order. Shuffled, a buffer is filled first, and then each image taken from a random slot
/// of it makes room for the next of the stream; without a seed, or with a buffer of one, they come in their own order.
/// </summary>
internal sealed class StreamSequence : ImageSequence
{
    private readonly IImageStream _stream;
    private readonly int? _seed;
    private readonly ImageStore _buffer;
    private readonly (int Index, int Label, float Weight)[] _images;

    /// <summary>The filled slots of the buffer, in any order, are the first <see cref="_filled"/>.</summary>
    private readonly int[] _slots;
    private IImageReader? _reader;
    private SplitMix64 _random;
    private int _filled;
    private int _read;

    /// <summary>[Count], by the stream's order; null for all.</summary>
    private bool[]? _wanted;

    /// <param name="stream">The images.</param>
    /// <param name="count">How many they are.</param>
    /// <param name="seed">Seed of the order; null leaves the stream's.</param>
    /// <param name="capacity">Images in the buffer, at least 1.</param>
    public StreamSequence(IImageStream stream, int count, int? seed, int capacity)
    {
        _stream = stream;
        _seed = seed;
        Count = count;
        _buffer = new ImageStore(stream.Shape.Size);
        _images = new (int, int, float)[seed is null ? 1 : Math.Min(capacity, count)];
        _slots = [.. Enumerable.Range(0, _images.Length)];
    }

    public override int Count { get; }

    public override void Begin(int epoch, int position = 0, Func<int, bool>? isWanted = null)
    {
        _reader?.Dispose();
        _reader = _stream.Open();
        _random = new SplitMix64(_seed ?? 0, RandomStream.ImageOrder, epoch);
        _filled = _read = 0;
        FindWanted(isWanted, position);
        float[] pixels = position > 0 ? new float[_stream.Shape.Size] : [];
        for (int n = 0; n < position; n++)
        {
            Next(pixels, isWanted: false, out _, out _);
        }
    }

    public override int Next(Span<float> pixels, bool isWanted, out int label, out float weight)
    {
        while (_filled < _images.Length && _read < Count)
        {
            Fill(_slots[_filled++], pixels);
        }

        int chosen = _random.Next(_filled), slot = _slots[chosen];
        (int index, label, weight) = _images[slot];
        Debug.Assert(!isWanted || _wanted?[index] != false, "its pixels were not read");
        if (isWanted)
        {
            _buffer.Read(slot, pixels);
        }

        (_slots[chosen], _slots[_filled - 1]) = (_slots[_filled - 1], slot);
        _filled--;
        return index;
    }

    public override void Dispose()
    {
        _reader?.Dispose();
        base.Dispose();
    }

    /// <summary>Which image of the stream comes when does not depend on what they are: it is found out beforehand.</summary>
    private void FindWanted(Func<int, bool>? isWanted, int first)
    {
        if (isWanted is null)
        {
            _wanted = null;
            return;
        }

        _wanted ??= new bool[Count];
        var waiting = new int[_images.Length];
        SplitMix64 random = _random;
        for (int position = 0, filled = 0, read = 0; position < Count; position++)
        {
            while (filled < waiting.Length && read < Count)
            {
                waiting[filled++] = read++;
            }

            int chosen = random.Next(filled);
            _wanted[waiting[chosen]] = position >= first && isWanted(position);
            waiting[chosen] = waiting[--filled];
        }
    }

    /// <param name="slot">Where the stream's next image goes.</param>
    /// <param name="pixels">Room for it on its way.</param>
    private void Fill(int slot, Span<float> pixels)
    {
        bool isWanted = _wanted?[_read] ?? true, isThere = _reader!.Read(pixels, isWanted, out int label, out float weight);
        Debug.Assert(isThere, "an unchanged stream gives as many images in every pass");
        if (isWanted)
        {
            _buffer.Write(slot, pixels);
        }

        _images[slot] = (_read++, label, weight);
        if (_read == Count)
        {
            ReadToEnd(pixels);
        }
    }

    /// <summary>Whether a stream is still what it was shows at its end.</summary>
    private void ReadToEnd(Span<float> pixels)
    {
        while (_reader!.Read(pixels, isWanted: _wanted is null, out _, out _))
        {
        }
    }
}
