using System.Numerics.Tensors;

namespace Kfac.Images;

/// <summary>
/// Images one behind the other, in chunks: as bytes where every value of a chunk is one, a quarter of the memory and the
/// same values, else as floats.
/// </summary>
internal sealed class ImageStore(int imageSize)
{
    /// <summary>Values in a chunk, unless an image has more: so many that a chunk's own size is nothing beside them.</summary>
    private const int ChunkValues = 1 << 20;

    private const int MaxChunkLength = 64;

    /// <summary>Images in a chunk.</summary>
    private readonly int _chunkLength = Math.Clamp(ChunkValues / Math.Max(imageSize, 1), 1, MaxChunkLength);

    /// <summary>[<see cref="_chunkLength"/>, H·W·C] each, byte[] or float[].</summary>
    private readonly List<Array> _chunks = [];

    /// <summary>Memory taken up so far, in bytes.</summary>
    public long Bytes { get; private set; }

    /// <summary>Puts an image of finite values at place <paramref name="index"/>.</summary>
    public void Write(int index, ReadOnlySpan<float> pixels)
    {
        int chunk = index / _chunkLength, offset = index % _chunkLength * imageSize;
        while (chunk >= _chunks.Count)
        {
            _chunks.Add(new byte[checked(_chunkLength * imageSize)]);
            Bytes += _chunks[^1].LongLength;
        }

        if (_chunks[chunk] is byte[] bytes)
        {
            if (TryConvert(pixels, bytes.AsSpan(offset, imageSize)))
            {
                return;
            }

            var widened = new float[bytes.Length];
            TensorPrimitives.ConvertTruncating<byte, float>(bytes, widened);
            _chunks[chunk] = widened;
            Bytes += (sizeof(float) - 1) * bytes.LongLength;
        }

        pixels.CopyTo(((float[])_chunks[chunk]).AsSpan(offset, imageSize));
    }

    public void Read(int index, Span<float> pixels)
    {
        int offset = index % _chunkLength * imageSize;
        if (_chunks[index / _chunkLength] is byte[] bytes)
        {
            TensorPrimitives.ConvertTruncating<byte, float>(bytes.AsSpan(offset, imageSize), pixels);
        }
        else
        {
            ((float[])_chunks[index / _chunkLength]).AsSpan(offset, imageSize).CopyTo(pixels);
        }
    }

    private static bool TryConvert(ReadOnlySpan<float> values, Span<byte> bytes)
    {
        bool exact = true;
        for (int i = 0; i < values.Length; i++)
        {
            bytes[i] = (byte)Math.Clamp(values[i], 0f, 255f);
            exact &= bytes[i] == values[i];
        }

        return exact;
    }
}
