using Microsoft.ML.Data;

namespace MLNetKfac.Tests.Subset.Images;

[TestClass]
public sealed class ImageFileTests
{
    [TestMethod]
    public void GreyRgbAndRgbaPngsOfEightBitsAreRead()
    {
        MLImage grey = Read(new PngBuilder(2, 1, colourType: 0, depth: 8).Build([10, 200]));
        MLImage rgb = Read(new PngBuilder(2, 2, colourType: 2, depth: 8).Build([1, 2, 3, 4, 5, 6], [7, 8, 9, 250, 251, 252]));
        MLImage rgba = Read(new PngBuilder(1, 1, colourType: 6, depth: 8).Build([9, 8, 7, 255]));

        CollectionAssert.AreEqual(new byte[] { 10, 10, 10, 200, 200, 200 }, grey.GetBGRPixels);
        CollectionAssert.AreEqual(new byte[] { 3, 2, 1, 6, 5, 4, 9, 8, 7, 252, 251, 250 }, rgb.GetBGRPixels);
        CollectionAssert.AreEqual(new byte[] { 7, 8, 9 }, rgba.GetBGRPixels);
        Assert.AreEqual((2, 2, 32), (rgb.Width, rgb.Height, rgb.BitsPerPixel));
    }

    [TestMethod]
    [DataRow((byte)1)]
    [DataRow((byte)2)]
    [DataRow((byte)3)]
    [DataRow((byte)4)]
    public void EveryRowFilterIsUndone(byte filter)
    {
        var random = new Random(filter);
        byte[][] rows = [.. Enumerable.Range(0, 5).Select(_ => Enumerable.Range(0, 21).Select(_ => (byte)random.Next(256)).ToArray())];

        MLImage image = Read(new PngBuilder(7, 5, colourType: 2, depth: 8) { Filters = [filter, 0, filter, filter] }.Build(rows));

        byte[] bgr = image.GetBGRPixels;
        for (int i = 0; i < 35; i++)
        {
            byte[] row = rows[i / 7];
            Assert.AreEqual((row[3 * (i % 7)], row[(3 * (i % 7)) + 1], row[(3 * (i % 7)) + 2]), (bgr[(3 * i) + 2], bgr[(3 * i) + 1], bgr[3 * i]));
        }
    }

    [TestMethod]
    public void PalettesAndOtherDepthsAreRead()
    {
        MLImage palette = Read(new PngBuilder(4, 1, colourType: 3, depth: 2) { Palette = [1, 2, 3, 4, 5, 6, 7, 8, 9] }.Build([0b00_01_10_00]));
        MLImage bits = Read(new PngBuilder(8, 1, colourType: 0, depth: 1).Build([0b10100001]));
        MLImage nibbles = Read(new PngBuilder(3, 1, colourType: 0, depth: 4).Build([0x0F, 0x80]));
        MLImage wide = Read(new PngBuilder(1, 1, colourType: 2, depth: 16).Build([0x12, 0x12, 0x80, 0x80, 0xFF, 0xFF]));

        CollectionAssert.AreEqual(new byte[] { 3, 2, 1, 6, 5, 4, 9, 8, 7, 3, 2, 1 }, palette.GetBGRPixels);
        CollectionAssert.AreEqual(new byte[] { 255, 0, 255, 0, 0, 0, 0, 255 }, OneChannel(bits));
        CollectionAssert.AreEqual(new byte[] { 0, 255, 0x88 }, OneChannel(nibbles));
        CollectionAssert.AreEqual(new byte[] { 0xFF, 0x80, 0x12 }, wide.GetBGRPixels);
    }

    [TestMethod]
    public void InterlacedPngsAreRead()
    {
        var pixels = new byte[9, 10];
        for (int i = 0; i < pixels.Length; i++)
        {
            pixels[i / 10, i % 10] = (byte)(2 * i);
        }

        MLImage image = Read(new PngBuilder(10, 9, colourType: 0, depth: 8).BuildInterlacedGrey(pixels));

        CollectionAssert.AreEqual(pixels.Cast<byte>().ToArray(), OneChannel(image));
    }

    [TestMethod]
    public void PixelsAreMultipliedByTheirAlpha()
    {
        MLImage image = Read(new PngBuilder(2, 1, colourType: 6, depth: 8).Build([200, 100, 50, 128, 10, 20, 30, 0]));

        ReadOnlySpan<byte> pixels = image.Pixels;

        int red = image.PixelFormat == MLPixelFormat.Bgra32 ? 2 : 0;
        Assert.AreEqual(128, pixels[3]);
        Assert.AreEqual(200 * 128 / 255.0, pixels[red], 1);
        Assert.AreEqual(100 * 128 / 255.0, pixels[1], 1);
        Assert.AreEqual(0, pixels[4] + pixels[5] + pixels[6] + pixels[7]);
        Assert.AreEqual(200, image.GetBGRPixels[2], 2);
    }

    [TestMethod]
    public void ATransparentPaletteColourHasNoAlpha()
    {
        MLImage image = Read(new PngBuilder(2, 1, colourType: 3, depth: 8) { Palette = [9, 9, 9, 8, 8, 8], Transparency = [0] }.Build([0, 1]));

        Assert.AreEqual(0, image.Pixels[3]);
        Assert.AreEqual(255, image.Pixels[7]);
    }

    [TestMethod]
    public void BmpFilesAreRead()
    {
        // Two rows of two pixels of 24 bits, the lower row first, each filled up to 8 bytes.
        byte[] file =
        [
            (byte)'B', (byte)'M', 70, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0,
            40, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 24, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            7, 8, 9, 10, 11, 12, 0, 0,
            1, 2, 3, 4, 5, 6, 0, 0,
        ];

        CollectionAssert.AreEqual(new byte[] { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 }, Read(file).GetBGRPixels);
    }

    [TestMethod]
    public void APngThatIsSavedComesBack()
    {
        using var file = new TemporaryFile("image.png");
        byte[] pixels = [.. Enumerable.Range(0, 3 * 2 * 4).Select(i => (byte)(i % 4 == 3 ? 255 : 10 * i))];

        MLImage.CreateFromPixels(3, 2, MLPixelFormat.Rgba32, pixels).Save(file.Path);
        MLImage image = MLImage.CreateFromFile(file.Path);

        Assert.AreEqual((3, 2), (image.Width, image.Height));
        Assert.AreEqual((20, 10, 0), (image.GetBGRPixels[0], image.GetBGRPixels[1], image.GetBGRPixels[2]));
        CollectionAssert.AreEqual(MLImage.CreateFromPixels(3, 2, MLPixelFormat.Rgba32, pixels).GetBGRPixels, image.GetBGRPixels);
    }

    [TestMethod]
    public void WhatIsNoImageIsRefused()
    {
        Assert.Throws<ArgumentException>(() => Read([1, 2, 3, 4]));
        Assert.Throws<ArgumentException>(() => MLImage.CreateFromFile("/no/such/file.png"));
        Assert.Throws<ArgumentException>(() => MLImage.CreateFromPixels(2, 2, MLPixelFormat.Bgra32, new byte[15]));
        Assert.Throws<ArgumentException>(() => MLImage.CreateFromPixels(2, 2, MLPixelFormat.Unknown, new byte[16]));
        Assert.Throws<ArgumentException>(() => MLImage.CreateFromPixels(1, 1, MLPixelFormat.Bgra32, new byte[4]).Save("image.unknown"));
    }

    [TestMethod]
    public void ADisposedImageIsGone()
    {
        MLImage image = MLImage.CreateFromPixels(1, 1, MLPixelFormat.Bgra32, new byte[4]);

        image.Dispose();
        image.Dispose();

        Assert.ThrowsExactly<InvalidOperationException>(() => image.Width);
        Assert.ThrowsExactly<InvalidOperationException>(() => image.Pixels.Length);
    }

#if MLNET_SUBSET
    [TestMethod]
    public void GreyAndColourNetpbmFilesAreRead()
    {
        MLImage grey = Read([.. "P5 # a comment\n2 1\n255\n"u8, 7, 8]);
        MLImage colour = Read([.. "P6 1 1 255\n"u8, 1, 2, 3]);
        MLImage text = Read([.. "P2\n3 1\n4\n0 2 4\n"u8]);

        CollectionAssert.AreEqual(new byte[] { 7, 8 }, OneChannel(grey));
        CollectionAssert.AreEqual(new byte[] { 3, 2, 1 }, colour.GetBGRPixels);
        CollectionAssert.AreEqual(new byte[] { 0, 128, 255 }, OneChannel(text));
    }

    [TestMethod]
    public void ABmpThatIsSavedComesBack()
    {
        using var file = new TemporaryFile("image.bmp");
        byte[] pixels = [.. Enumerable.Range(0, 3 * 2 * 4).Select(i => (byte)(i % 4 == 3 ? 255 : 10 * i))];
        MLImage image = MLImage.CreateFromPixels(3, 2, MLPixelFormat.Bgra32, pixels);

        image.Save(file.Path);

        CollectionAssert.AreEqual(image.GetBGRPixels, MLImage.CreateFromFile(file.Path).GetBGRPixels);
    }

    [TestMethod]
    public void OtherFormatsAreReferredToThePackage()
    {
        ArgumentException error = Assert.ThrowsExactly<ArgumentException>(() => Read([0xFF, 0xD8, 0xFF, 0xE0, 0, 16]));

        StringAssert.Contains(error.Message, "Microsoft.ML.ImageAnalytics");
    }

    [TestMethod]
    public void ACorruptPngIsReported()
    {
        byte[] file = new PngBuilder(2, 1, colourType: 0, depth: 8).Build([10, 200]);
        byte[] flipped = [.. file];
        flipped[45] ^= 1;

        StringAssert.Contains(Assert.ThrowsExactly<FormatException>(() => Read(flipped)).Message, "checksum");
        Assert.ThrowsExactly<FormatException>(() => Read(file[..40]));
    }
#endif

    private static byte[] OneChannel(MLImage image) => [.. image.GetBGRPixels.Where((_, i) => i % 3 == 0)];

    private static MLImage Read(byte[] file) => MLImage.CreateFromStream(new MemoryStream(file));
}
