using Microsoft.ML.Data;
using MLNetKfac.Tests.Data;
using SkiaSharp;
using ResizingKind = Microsoft.ML.Transforms.Image.ImageResizingEstimator.ResizingKind;

namespace MLNetKfac.Tests.Pictures;

/// <summary>Single pictures: formats, orientation, size.</summary>
[TestClass]
public sealed class ImageFileTests
{
    [TestMethod]
    [DataRow("jpg")]
    [DataRow("png")]
    [DataRow("webp")]
    [DataRow("bmp")]
    [DataRow("gif")]
    public void Every_format_shows_its_colours(string format)
    {
        using SKBitmap picture = PictureFiles.Quarters(32, 48);
        using var file = new MemoryStream(PictureFiles.Encode(picture, format));

        using MLImage image = ImageFile.Read(file, 16, 24);

        Assert.AreEqual(MLPixelFormat.Bgra32, image.PixelFormat);
        AssertQuarters("RGBW", image);
    }

    /// <summary>EXIF 2.32, Orientation: the stored picture is red, green / blue, white; where each comes to lie follows from the tag's definition.</summary>
    [TestMethod]
    [DataRow(1, "RGBW")]
    [DataRow(2, "GRWB")]
    [DataRow(3, "WBGR")]
    [DataRow(4, "BWRG")]
    [DataRow(5, "RBGW")]
    [DataRow(6, "BRWG")]
    [DataRow(7, "WGBR")]
    [DataRow(8, "GWRB")]
    public void Orientation_is_honoured(int orientation, string upright)
    {
        using SKBitmap picture = PictureFiles.Quarters(40, 80);
        byte[] file = PictureFiles.WithOrientation(PictureFiles.Encode(picture, "jpg"), (ushort)orientation);

        using MLImage image = ImageFile.Read(new MemoryStream(file), 20, 20);

        // Lying pictures have black above and below, standing ones left and right.
        bool stands = orientation > 4;
        Assert.AreEqual(0, Pixel(image, stands ? 10 : 2, stands ? 2 : 10).Red);
        AssertQuarters(upright, image, stands ? 5 : 0, stands ? 0 : 5);
        using MLImage filled = ImageFile.Read(new MemoryStream(file), 20, 20, ResizingKind.Fill);
        AssertQuarters(upright, filled);
        using MLImage cropped = ImageFile.Read(new MemoryStream(file), 20, 20, ResizingKind.IsoCrop);
        AssertQuarters(upright, cropped);
    }

    [TestMethod]
    public void The_size_is_that_of_the_upright_picture_and_needs_its_head_only()
    {
        using SKBitmap picture = PictureFiles.Quarters(40, 80);
        byte[] lying = PictureFiles.WithOrientation(PictureFiles.Encode(picture, "jpg"), 1), standing = PictureFiles.WithOrientation(PictureFiles.Encode(picture, "jpg"), 6);

        Assert.AreEqual((40, 80), ImageFile.Measure(new MemoryStream(lying)));
        Assert.AreEqual((80, 40), ImageFile.Measure(new MemoryStream(standing[..(standing.Length * 3 / 4)])));
        Assert.Contains("it is not a JPEG", Assert.ThrowsExactly<FormatException>(() => ImageFile.Measure(new MemoryStream("text"u8.ToArray()))).Message);
    }

    [TestMethod]
    [DataRow(30, 50, 8, 12)]
    [DataRow(7, 9, 20, 31)]
    [DataRow(16, 16, 16, 16)]
    public void Scaling_is_a_triangle_filter(int height, int width, int newHeight, int newWidth)
    {
        var random = new Random(height);
        using var picture = new SKBitmap(new SKImageInfo(width, height, SKColorType.Bgra8888, SKAlphaType.Opaque));
        picture.Pixels = [.. Enumerable.Range(0, height * width).Select(_ => new SKColor((byte)random.Next(256), (byte)random.Next(256), (byte)random.Next(256)))];
        using var file = new MemoryStream(PictureFiles.Encode(picture, "png"));

        using MLImage image = ImageFile.Read(file, newHeight, newWidth, ResizingKind.Fill);

        for (int row = 0; row < newHeight; row++)
        {
            for (int column = 0; column < newWidth; column++)
            {
                double sum = 0, total = 0;
                for (int y = 0; y < height; y++)
                {
                    for (int x = 0; x < width; x++)
                    {
                        double weight = Triangle(y, row, (double)height / newHeight) * Triangle(x, column, (double)width / newWidth);
                        (sum, total) = (sum + weight * picture.GetPixel(x, y).Green, total + weight);
                    }
                }

                Assert.AreEqual(sum / total, Pixel(image, row, column).Green, 0.51, $"{row}, {column}");
            }
        }

        static double Triangle(int from, int to, double step) => Math.Max(0, 1 - Math.Abs(from + 0.5 - (to + 0.5) * step) / Math.Max(1, step));
    }

    [TestMethod]
    public void Large_pictures_are_decoded_small_and_look_the_same()
    {
        using var picture = new SKBitmap(new SKImageInfo(600, 400, SKColorType.Bgra8888, SKAlphaType.Opaque));
        picture.Pixels = [.. Enumerable.Range(0, 600 * 400).Select(i => new SKColor((byte)(i % 600 * 255 / 600), (byte)(i / 600 * 255 / 400), 100))];

        using MLImage jpeg = ImageFile.Read(new MemoryStream(PictureFiles.Encode(picture, "jpg")), 20, 30), png = ImageFile.Read(new MemoryStream(PictureFiles.Encode(picture, "png")), 20, 30);

        double difference = jpeg.Pixels.ToArray().Zip(png.Pixels.ToArray(), (a, b) => Math.Abs(a - b)).Max();
        Assert.IsLessThanOrEqualTo(6, difference);
    }

    [TestMethod]
    [DataRow(1, 4000, ResizingKind.IsoPad)]
    [DataRow(1, 4000, ResizingKind.IsoCrop)]
    [DataRow(4000, 1, ResizingKind.IsoCrop)]
    [DataRow(1, 1, ResizingKind.IsoPad)]
    [DataRow(3, 2, ResizingKind.Fill)]
    public void Any_proportions_fit(int height, int width, ResizingKind resizing)
    {
        using var picture = new SKBitmap(new SKImageInfo(width, height, SKColorType.Bgra8888, SKAlphaType.Opaque));
        picture.Erase(SKColors.Lime);
        using var file = new MemoryStream(PictureFiles.Encode(picture, "png"));

        using MLImage image = ImageFile.Read(file, 10, 14, resizing);

        Assert.AreEqual((10, 14), (image.Height, image.Width));
        Assert.AreEqual(SKColors.Lime, Pixel(image, 4, 6));
    }

    [TestMethod]
    public void Transparent_parts_lie_on_black()
    {
        using var picture = new SKBitmap(new SKImageInfo(4, 4, SKColorType.Bgra8888, SKAlphaType.Unpremul));
        picture.Erase(new SKColor(200, 100, 50, 128));

        using MLImage image = ImageFile.Read(new MemoryStream(PictureFiles.Encode(picture, "png")), 2, 2);

        Assert.AreEqual(100, Pixel(image, 0, 0).Red, 1.0);
        Assert.AreEqual(128, Pixel(image, 0, 0).Alpha);
    }

    [TestMethod]
    public void A_small_file_that_claims_a_huge_picture_is_refused()
    {
        using SKBitmap picture = PictureFiles.Quarters(2, 2);
        byte[] file = PictureFiles.Encode(picture, "bmp");
        BitConverter.GetBytes(60_000).CopyTo(file, 18);
        BitConverter.GetBytes(60_000).CopyTo(file, 22);

        Assert.ThrowsExactly<FormatException>(() => ImageFile.Read(new MemoryStream(file), 8, 8));
    }

    [TestMethod]
    public void A_missing_file_is_an_IO_error_and_a_damaged_one_is_named()
    {
        using var folder = new TemporaryFolder();
        Assert.ThrowsExactly<FileNotFoundException>(() => ImageFile.Read(folder.File("none.png"), 8, 8));
        File.WriteAllText(folder.File("ü.png"), "text");
        Assert.Contains("ü.png", Assert.ThrowsExactly<FormatException>(() => ImageFile.Read(folder.File("ü.png"), 8, 8)).Message);
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => ImageFile.Read(folder.File("ü.png"), 0, 8));
    }

    /// <summary>The middle of each quarter: top left, top right, bottom left, bottom right, within margins of black.</summary>
    private static void AssertQuarters(string expected, MLImage image, int left = 0, int top = 0)
    {
        int rows = image.Height - 2 * top, columns = image.Width - 2 * left;
        string seen = string.Concat(((int, int)[])[(1, 1), (1, 3), (3, 1), (3, 3)] is var middles ? middles.Select(middle => Name(Pixel(image, top + rows * middle.Item1 / 4, left + columns * middle.Item2 / 4))) : []);
        Assert.AreEqual(expected, seen);

        static char Name(SKColor colour) => (colour.Red > 200, colour.Green > 200, colour.Blue > 200) switch
        {
            (true, true, true) => 'W',
            (true, false, false) => 'R',
            (false, true, false) => 'G',
            (false, false, true) => 'B',
            _ => '?',
        };
    }

    private static SKColor Pixel(MLImage image, int row, int column)
    {
        ReadOnlySpan<byte> pixel = image.Pixels.Slice((row * image.Width + column) * 4, 4);
        return new SKColor(pixel[2], pixel[1], pixel[0], pixel[3]);
    }
}
