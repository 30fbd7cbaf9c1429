using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace MLNetKfac.Tests.Subset.Images;

/// <summary>Builds PNG files from the samples of their rows, by hand and apart from any encoder under test.</summary>
internal sealed class PngBuilder(int width, int height, byte colourType, byte depth)
{
    public byte[] Palette { get; init; } = [];

    public byte[] Transparency { get; init; } = [];

    /// <summary>The filter of each row, repeated; 0 is none, then left, up, average and Paeth.</summary>
    public byte[] Filters { get; init; } = [0];

    /// <param name="rows">The packed samples of each row, not filtered.</param>
    public byte[] Build(params byte[][] rows)
    {
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        header[8] = depth;
        header[9] = colourType;
        return Assemble(header, Filtered(rows));
    }

    /// <summary>An interlaced file of 8-bit grey pixels.</summary>
    public byte[] BuildInterlacedGrey(byte[,] pixels)
    {
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        header[8] = 8;
        header[12] = 1;
        var scanlines = new List<byte>();
        (int, int, int, int)[] passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];
        foreach ((int firstX, int firstY, int stepX, int stepY) in passes)
        {
            for (int y = firstY; y < height && firstX < width; y += stepY)
            {
                scanlines.Add(0);
                for (int x = firstX; x < width; x += stepX)
                {
                    scanlines.Add(pixels[y, x]);
                }
            }
        }

        return Assemble(header, [.. scanlines]);
    }

    private byte[] Assemble(byte[] header, byte[] scanlines)
    {
        using var file = new MemoryStream();
        file.Write([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]);
        WriteChunk(file, "IHDR", header);
        if (Palette.Length > 0)
        {
            WriteChunk(file, "PLTE", Palette);
        }

        if (Transparency.Length > 0)
        {
            WriteChunk(file, "tRNS", Transparency);
        }

        using var compressed = new MemoryStream();
        using (var zlib = new ZLibStream(compressed, CompressionLevel.Fastest))
        {
            zlib.Write(scanlines);
        }

        // Two parts, as files may have.
        byte[] data = compressed.ToArray();
        WriteChunk(file, "IDAT", data[..(data.Length / 2)]);
        WriteChunk(file, "IDAT", data[(data.Length / 2)..]);
        WriteChunk(file, "IEND", []);
        return file.ToArray();
    }

    private byte[] Filtered(byte[][] rows)
    {
        int samples = colourType switch { 2 => 3, 4 => 2, 6 => 4, _ => 1 };
        int step = Math.Max(1, samples * depth / 8);
        var scanlines = new List<byte>();
        for (int y = 0; y < rows.Length; y++)
        {
            byte filter = Filters[y % Filters.Length];
            scanlines.Add(filter);
            for (int i = 0; i < rows[y].Length; i++)
            {
                int left = i >= step ? rows[y][i - step] : 0;
                int up = y > 0 ? rows[y - 1][i] : 0;
                int upLeft = y > 0 && i >= step ? rows[y - 1][i - step] : 0;
                int prediction = filter switch
                {
                    1 => left,
                    2 => up,
                    3 => (left + up) / 2,
                    4 => new[] { left, up, upLeft }.MinBy(value => Math.Abs(left + up - upLeft - value)),
                    _ => 0,
                };
                scanlines.Add((byte)(rows[y][i] - prediction));
            }
        }

        return [.. scanlines];
    }

    private static void WriteChunk(Stream file, string name, byte[] data)
    {
        byte[] nameAndData = [.. Encoding.ASCII.GetBytes(name), .. data];
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
        file.Write(number);
        file.Write(nameAndData);
        BinaryPrimitives.WriteUInt32BigEndian(number, Crc32(nameAndData));
        file.Write(number);
    }

    private static uint Crc32(byte[] data)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in data)
        {
            crc ^= b;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ (0xEDB88320 & (0 - (crc & 1)));
            }
        }

        return ~crc;
    }
}
