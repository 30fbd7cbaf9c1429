using System.Buffers.Binary;
using System.IO.Compression;

namespace Microsoft.ML.Data;

/// <summary>Reads PNG files of every colour type and bit depth, interlaced or not (ISO/IEC 15948).</summary>
internal sealed class PngDecoder
{
    // Where the pixels of each pass lie: first column and row, and the steps between them.
    private static readonly (int X, int Y, int StepX, int StepY)[] OnePass = [(0, 0, 1, 1)];
    private static readonly (int X, int Y, int StepX, int StepY)[] Adam7
        = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];

    private readonly int _width;
    private readonly int _height;
    private readonly int _depth;
    private readonly PngColours _colours;
    private readonly bool _interlaced;

    private PngDecoder(ReadOnlySpan<byte> header)
    {
        _width = BinaryPrimitives.ReadInt32BigEndian(header);
        _height = BinaryPrimitives.ReadInt32BigEndian(header[4..]);
        _depth = header[8];
        _colours = new PngColours(header[9], _depth);
        _interlaced = header[12] == 1;
        if (_width <= 0 || _height <= 0 || (long)_width * _height > int.MaxValue / 4)
        {
            throw new FormatException($"The PNG file claims a size of {_width} x {_height}.");
        }
    }

    public static bool Recognizes(ReadOnlySpan<byte> content) => content.StartsWith(PngChunk.Signature);

    public static MLImage Decode(ReadOnlySpan<byte> content)
    {
        ReadOnlySpan<byte> rest = content[PngChunk.Signature.Length..];
        (string name, byte[] data) = PngChunk.Read(ref rest);
        if (name != "IHDR" || data.Length != 13)
        {
            throw new FormatException("The PNG file does not start with a header.");
        }

        var decoder = new PngDecoder(data);
        using var compressed = new MemoryStream();
        while (name != "IEND")
        {
            (name, data) = PngChunk.Read(ref rest);
            switch (name)
            {
                case "PLTE":
                    decoder._colours.Palette = data;
                    break;
                case "tRNS":
                    decoder._colours.Transparency = data;
                    break;
                case "IDAT":
                    compressed.Write(data);
                    break;
            }
        }

        compressed.Position = 0;
        return decoder.DecodePixels(compressed);
    }

    private MLImage DecodePixels(Stream compressed)
    {
        using var scanlines = new ZLibStream(compressed, CompressionMode.Decompress);
        var pixels = new byte[4 * _width * _height];
        foreach ((int firstX, int firstY, int stepX, int stepY) in _interlaced ? Adam7 : OnePass)
        {
            int passWidth = (_width - firstX + stepX - 1) / stepX;
            if (passWidth <= 0)
            {
                continue;
            }

            int bitsPerPixel = _colours.Samples * _depth;
            var previous = new byte[((passWidth * bitsPerPixel) + 7) / 8];
            var line = new byte[previous.Length];
            for (int y = firstY; y < _height; y += stepY)
            {
                int filter = scanlines.ReadByte();
                if (filter < 0 || scanlines.ReadAtLeast(line, line.Length, throwOnEndOfStream: false) < line.Length)
                {
                    throw new FormatException($"The PNG file ends before row {y} of {_height}.");
                }

                Unfilter(filter, line, previous, Math.Max(1, bitsPerPixel / 8));
                for (int i = 0; i < passWidth; i++)
                {
                    int target = 4 * ((y * _width) + firstX + (i * stepX));
                    _colours.WritePixel(line, i, pixels.AsSpan(target, 4));
                }

                (previous, line) = (line, previous);
            }
        }

        return new MLImage(_width, _height, MLPixelFormat.Bgra32, pixels);
    }

    // Each byte was written as its difference from a prediction by its left (a), upper (b) and upper left (c) neighbours.
    private static void Unfilter(int filter, Span<byte> line, ReadOnlySpan<byte> previous, int pixelBytes)
    {
        for (int i = 0; i < line.Length; i++)
        {
            int a = i >= pixelBytes ? line[i - pixelBytes] : 0;
            int b = previous[i];
            int c = i >= pixelBytes ? previous[i - pixelBytes] : 0;
            line[i] += (byte)(filter switch
            {
                0 => 0,
                1 => a,
                2 => b,
                3 => (a + b) / 2,
                4 => Paeth(a, b, c),
                _ => throw new FormatException($"The PNG file has a row with the unknown filter {filter}."),
            });
        }
    }

    private static int Paeth(int a, int b, int c)
    {
        int toA = Math.Abs(b - c);
        int toB = Math.Abs(a - c);
        int toC = Math.Abs(a + b - c - c);
        return toA <= toB && toA <= toC ? a : toB <= toC ? b : c;
    }
}
