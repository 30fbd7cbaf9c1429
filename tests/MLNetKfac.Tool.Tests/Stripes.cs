using MLNetKfac.Tests.Pictures;
using SkiaSharp;

namespace MLNetKfac.Tool.Tests;

/// <summary>Folders of small pictures that a training tells apart in seconds: stripes that lie or stand, in noise.</summary>
internal static class Stripes
{
    public static readonly string[] Classes = ["liegend ─", "stehend │"];

    private const int Side = 12;

    /// <summary>Writes so many pictures of each class, as PNG and JPEG in turn.</summary>
    public static string Write(string folder, int count, int seed = 1)
    {
        var random = new Random(seed);
        for (int c = 0; c < Classes.Length; c++)
        {
            for (int number = 0; number < count; number++)
            {
                using SKBitmap picture = Draw(stands: c == 1, random);
                PictureFiles.Write(Path.Combine(folder, Classes[c], $"{number:000}.{(number % 2 == 0 ? "png" : "jpg")}"), picture);
            }
        }

        return folder;
    }

    /// <summary>Writes the IDX files of a prefix.</summary>
    public static void WriteIdx(string folder, string prefix, int count, int seed)
    {
        Directory.CreateDirectory(folder);
        var random = new Random(seed);
        List<byte> images = [0, 0, 8, 3, 0, 0, 0, (byte)count, 0, 0, 0, Side, 0, 0, 0, Side], labels = [0, 0, 8, 1, 0, 0, 0, (byte)count];
        for (int number = 0; number < count; number++)
        {
            using SKBitmap picture = Draw(stands: number % 2 == 1, random);
            images.AddRange(picture.Pixels.Select(pixel => pixel.Red));
            labels.Add((byte)(number % 2));
        }

        File.WriteAllBytes(Path.Combine(folder, $"{prefix}-images-idx3-ubyte"), [.. images]);
        File.WriteAllBytes(Path.Combine(folder, $"{prefix}-labels-idx1-ubyte"), [.. labels]);
    }

    private static SKBitmap Draw(bool stands, Random random)
    {
        int at = random.Next(2, Side - 2);
        var picture = new SKBitmap(new SKImageInfo(Side, Side, SKColorType.Bgra8888, SKAlphaType.Opaque));
        picture.Pixels = [.. Enumerable.Range(0, Side * Side).Select(i =>
        {
            byte grey = (byte)(random.Next(60) + ((stands ? i % Side : i / Side) == at ? 190 : 0));
            return new SKColor(grey, grey, grey);
        })];
        return picture;
    }
}
