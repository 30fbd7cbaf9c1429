using System.Buffers.Binary;

namespace Microsoft.ML.Data;

/// <summary>Reads BMP files without compression (1, 4, 8, 24 and 32 bits a pixel) and writes them with 24 bits.</summary>
internal static class BmpFile
{
    private const int FileHeader = 14;
    private const int InfoHeader = 40;
    private const int Uncompressed = 0;
    private const int BitFields = 3;

    public static bool Recognizes(ReadOnlySpan<byte> content) => content.StartsWith("BM"u8) && content.Length >= FileHeader + InfoHeader;

    public static MLImage Decode(ReadOnlySpan<byte> content)
    {
        int pixelsAt = BinaryPrimitives.ReadInt32LittleEndian(content[10..]);
        int headerLength = BinaryPrimitives.ReadInt32LittleEndian(content[14..]);
        int width = BinaryPrimitives.ReadInt32LittleEndian(content[18..]);
        int signedHeight = BinaryPrimitives.ReadInt32LittleEndian(content[22..]);
        int bits = BinaryPrimitives.ReadUInt16LittleEndian(content[28..]);
        int compression = BinaryPrimitives.ReadInt32LittleEndian(content[30..]);
        int height = Math.Abs(signedHeight);
        bool isKnown = bits is 1 or 4 or 8 or 24 or 32 && (compression == Uncompressed || (compression == BitFields && bits == 32));
        if (!isKnown || width <= 0 || height <= 0)
        {
            throw new FormatException($"Not a BMP file that is known: {width} x {height}, {bits} bits, compression {compression}.");
        }

        long stride = (((long)width * bits) + 31) / 32 * 4;
        if (pixelsAt < FileHeader + InfoHeader || pixelsAt + (stride * height) > content.Length)
        {
            throw new FormatException($"The BMP file claims {height} rows of {stride} bytes at {pixelsAt}, but has {content.Length} bytes.");
        }

        ReadOnlySpan<byte> palette = bits <= 8 ? content[(FileHeader + headerLength)..pixelsAt] : default;
        var pixels = new byte[4 * width * height];
        for (int y = 0; y < height; y++)
        {
            // Rows come from bottom to top unless the height is negative.
            int row = signedHeight > 0 ? height - 1 - y : y;
            ReadOnlySpan<byte> line = content.Slice(pixelsAt + (int)(row * stride), (int)stride);
            for (int x = 0; x < width; x++)
            {
                ReadOnlySpan<byte> bgr = bits <= 8 ? palette[(4 * PaletteIndex(line, x, bits))..] : line[(x * bits / 8)..];
                Span<byte> pixel = pixels.AsSpan(4 * ((y * width) + x), 4);
                bgr[..3].CopyTo(pixel);
                pixel[ChannelOrder.Alpha] = byte.MaxValue;
            }
        }

        return new MLImage(width, height, MLPixelFormat.Bgra32, pixels);
    }

    public static byte[] Encode(MLImage image)
    {
        int stride = ((3 * image.Width) + 3) / 4 * 4;
        var file = new byte[FileHeader + InfoHeader + (stride * image.Height)];
        "BM"u8.CopyTo(file);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(2), file.Length);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(10), FileHeader + InfoHeader);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(14), InfoHeader);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(18), image.Width);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(22), image.Height);
        file[26] = 1; // planes
        file[28] = 24; // bits a pixel
        byte[] colours = image.GetBGRPixels;
        for (int y = 0; y < image.Height; y++)
        {
            Span<byte> line = file.AsSpan(FileHeader + InfoHeader + ((image.Height - 1 - y) * stride));
            colours.AsSpan(3 * image.Width * y, 3 * image.Width).CopyTo(line);
        }

        return file;
    }

    private static int PaletteIndex(ReadOnlySpan<byte> line, int x, int bits)
    {
        int bit = x * bits;
        return (line[bit / 8] >> (8 - bits - (bit % 8))) & ((1 << bits) - 1);
    }
}
