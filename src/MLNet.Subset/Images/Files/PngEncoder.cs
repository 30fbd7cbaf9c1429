using System.Buffers.Binary;
using System.IO.Compression;

namespace Microsoft.ML.Data;

/// <summary>Writes PNG files of 8-bit red, green, blue and alpha.</summary>
internal static class PngEncoder
{
    public static byte[] Encode(MLImage image)
    {
        using var file = new MemoryStream();
        file.Write(PngChunk.Signature);
        PngChunk.Write(file, "IHDR", Header(image));
        PngChunk.Write(file, "IDAT", Scanlines(image));
        PngChunk.Write(file, "IEND", []);
        return file.ToArray();
    }

    private static byte[] Header(MLImage image)
    {
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, image.Width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), image.Height);
        header[8] = 8; // bits a sample
        header[9] = 6; // red, green, blue, alpha
        return header;
    }

    private static byte[] Scanlines(MLImage image)
    {
        ReadOnlySpan<byte> pixels = image.Pixels;
        ChannelOrder order = image.Channels;
        using var compressed = new MemoryStream();
        using (var zlib = new ZLibStream(compressed, CompressionLevel.Optimal))
        {
            var line = new byte[1 + (4 * image.Width)]; // the first byte says that the line is not filtered
            for (int y = 0; y < image.Height; y++)
            {
                for (int x = 0; x < image.Width; x++)
                {
                    ReadOnlySpan<byte> pixel = pixels.Slice(4 * ((y * image.Width) + x), 4);
                    byte alpha = pixel[ChannelOrder.Alpha];
                    line[1 + (4 * x)] = PixelAlpha.Unmultiply(pixel[order.Red], alpha);
                    line[2 + (4 * x)] = PixelAlpha.Unmultiply(pixel[order.Green], alpha);
                    line[3 + (4 * x)] = PixelAlpha.Unmultiply(pixel[order.Blue], alpha);
                    line[4 + (4 * x)] = alpha;
                }

                zlib.Write(line);
            }
        }

        return compressed.ToArray();
    }
}
