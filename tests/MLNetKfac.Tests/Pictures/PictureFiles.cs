using System.Buffers.Binary;
using SkiaSharp;

namespace MLNetKfac.Tests.Pictures;

/// <summary>Picture files of every format that is read, made anew; those that SkiaSharp cannot write are written byte by byte.</summary>
internal static class PictureFiles
{
    public static readonly string[] Formats = ["jpg", "png", "webp", "bmp", "gif"];

    /// <summary>A picture whose quarters are red (top left), green (top right), blue (bottom left) and white.</summary>
    public static SKBitmap Quarters(int height, int width)
    {
        var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Bgra8888, SKAlphaType.Opaque));
        for (int row = 0; row < height; row++)
        {
            for (int column = 0; column < width; column++)
            {
                bitmap.SetPixel(column, row, (row < height / 2, column < width / 2) switch
                {
                    (true, true) => SKColors.Red,
                    (true, false) => SKColors.Lime,
                    (false, true) => SKColors.Blue,
                    _ => SKColors.White,
                });
            }
        }

        return bitmap;
    }

    /// <summary>A picture as a file of the format.</summary>
    public static byte[] Encode(SKBitmap picture, string format) => format switch
    {
        "bmp" => Bmp(picture),
        "gif" => Gif(picture),
        _ => picture.Encode(format switch { "png" => SKEncodedImageFormat.Png, "webp" => SKEncodedImageFormat.Webp, _ => SKEncodedImageFormat.Jpeg }, 100).ToArray(),
    };

    /// <summary>Writes a picture, of the format that the name's ending says.</summary>
    public static string Write(string path, SKBitmap picture)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, Encode(picture, Path.GetExtension(path)[1..]));
        return path;
    }

    /// <summary>A folder with as many pictures of quarters in each class.</summary>
    public static void WriteClasses(string folder, int count, params string[] classes)
    {
        using SKBitmap picture = Quarters(12, 12);
        foreach (string name in classes)
        {
            for (int number = 0; number < count; number++)
            {
                Write(Path.Combine(folder, name, $"{number:00}.png"), picture);
            }
        }
    }

    /// <summary>A JPEG file with the EXIF orientation, 1 to 8, put behind its first marker.</summary>
    public static byte[] WithOrientation(byte[] jpeg, ushort orientation)
    {
        // APP1: length, "Exif", then a TIFF of one directory with one entry: tag 0x0112, type short, one value.
        byte[] exif =
        [
            0xFF, 0xE1, 0, 34, .. "Exif\0\0"u8, .. "MM\0*"u8, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, (byte)orientation, 0, 0, 0, 0, 0, 0,
        ];
        return [.. jpeg[..2], .. exif, .. jpeg[2..]];
    }

    private static byte[] Bmp(SKBitmap picture)
    {
        const int Head = 54;
        int stride = (3 * picture.Width + 3) / 4 * 4;
        byte[] file = new byte[Head + stride * picture.Height];
        "BM"u8.CopyTo(file);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(2), file.Length);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(10), Head);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(14), Head - 14);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(18), picture.Width);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(22), picture.Height);
        BinaryPrimitives.WriteInt16LittleEndian(file.AsSpan(26), 1);
        BinaryPrimitives.WriteInt16LittleEndian(file.AsSpan(28), 24);
        for (int row = 0; row < picture.Height; row++)
        {
            for (int column = 0; column < picture.Width; column++)
            {
                SKColor colour = picture.GetPixel(column, picture.Height - 1 - row);
                ((ReadOnlySpan<byte>)[colour.Blue, colour.Green, colour.Red]).CopyTo(file.AsSpan(Head + row * stride + 3 * column));
            }
        }

        return file;
    }

    /// <summary>A GIF of two frames, the second all black. Its codes are never compressed: a clear code comes before the table can grow.</summary>
    private static byte[] Gif(SKBitmap picture)
    {
        SKColor[] palette = [.. picture.Pixels.Distinct().Append(SKColors.Black)];
        using var file = new MemoryStream();
        file.Write("GIF89a"u8);
        file.Write([(byte)picture.Width, (byte)(picture.Width >> 8), (byte)picture.Height, (byte)(picture.Height >> 8), 0xF6, 0, 0]);
        for (int colour = 0; colour < 128; colour++)
        {
            SKColor entry = colour < palette.Length ? palette[colour] : SKColors.Black;
            file.Write([entry.Red, entry.Green, entry.Blue]);
        }

        foreach (byte[] indices in (byte[][])[[.. picture.Pixels.Select(pixel => (byte)Array.IndexOf(palette, pixel))], [.. picture.Pixels.Select(_ => (byte)(palette.Length - 1))]])
        {
            file.Write([0x21, 0xF9, 4, 0, 10, 0, 0, 0, 0x2C, 0, 0, 0, 0, (byte)picture.Width, (byte)(picture.Width >> 8), (byte)picture.Height, (byte)(picture.Height >> 8), 0, 7]);
            byte[] codes = EightBitCodes(indices);
            foreach (byte[] block in codes.Chunk(byte.MaxValue))
            {
                file.WriteByte((byte)block.Length);
                file.Write(block);
            }

            file.WriteByte(0);
        }

        file.WriteByte(0x3B);
        return file.ToArray();
    }

    /// <summary>Codes of eight bits: 128 clears the table, 129 ends; the table stays below 256 entries, so that a code is a byte.</summary>
    private static byte[] EightBitCodes(byte[] indices) => [.. indices.Chunk(100).SelectMany(chunk => (byte[])[128, .. chunk]), 129];
}
