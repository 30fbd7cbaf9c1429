using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace MLNetKfac.Tests.Subset.Images;

[TestClass]
public sealed class ImageTransformTests
{
    private readonly MLContext _ml = new(seed: 1);

    // A new one for each use: ML.NET disposes of images whose pixels it has extracted.
    private static MLImage TwoByTwo => Bgra(2, 2, [[1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12]]);

    [TestMethod]
    public void ExtractedPixelsComePlaneByPlaneInTheirShape()
    {
        IDataView data = OfImages(TwoByTwo);

        IDataView pixels = Apply(data, _ml.Transforms.ExtractPixels("Pixels", "Image"));

        Assert.AreEqual(new VectorDataViewType(NumberDataViewType.Single, 3, 2, 2), pixels.Schema["Pixels"].Type);
        CollectionAssert.AreEqual(new float[] { 3, 6, 9, 12, 2, 5, 8, 11, 1, 4, 7, 10 }, pixels.GetColumn<float[]>("Pixels").Single());
    }

    [TestMethod]
    public void ExtractedPixelsMayBeInterleavedShiftedAndScaled()
    {
        IDataView pixels = Apply(OfImages(TwoByTwo), _ml.Transforms.ExtractPixels(
            "Pixels", "Image", interleavePixelColors: true, offsetImage: 2, scaleImage: 0.5f, orderOfExtraction: ImagePixelExtractingEstimator.ColorsOrder.ABGR));

        Assert.AreEqual(new VectorDataViewType(NumberDataViewType.Single, 2, 2, 3), pixels.Schema["Pixels"].Type);
        CollectionAssert.AreEqual(
            new[] { -0.5f, 0, 0.5f, 1, 1.5f, 2, 2.5f, 3, 3.5f, 4, 4.5f, 5 }, pixels.GetColumn<float[]>("Pixels").Single());
    }

    [TestMethod]
    public void ChannelsAndBytesCanBeChosen()
    {
        IDataView pixels = Apply(OfImages(TwoByTwo), _ml.Transforms.ExtractPixels(
            "Pixels",
            "Image",
            ImagePixelExtractingEstimator.ColorBits.Alpha | ImagePixelExtractingEstimator.ColorBits.Green,
            outputAsFloatArray: false));

        Assert.AreEqual(new VectorDataViewType(NumberDataViewType.Byte, 2, 2, 2), pixels.Schema["Pixels"].Type);
        CollectionAssert.AreEqual(new byte[] { 255, 255, 255, 255, 2, 5, 8, 11 }, pixels.GetColumn<byte[]>("Pixels").Single());
    }

    [TestMethod]
    public void PixelsAreExtractedFromImagesOfKnownSizeOnly()
    {
        IDataView names = _ml.Data.LoadFromEnumerable<Named>([]);
        IDataView images = Apply(names, _ml.Transforms.LoadImages("Image", imageFolder: null, "Name"));

        ArgumentOutOfRangeException error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(
            () => Apply(images, _ml.Transforms.ExtractPixels("Pixels", "Image")));

        StringAssert.Contains(error.Message, "Image");
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(
            () => new EstimatorChain<ITransformer>().Append(_ml.Transforms.ExtractPixels("Pixels", "Species"))
                .Fit(_ml.Data.LoadFromEnumerable(FlowerRow.Some)));
    }

    [TestMethod]
    public void AVectorBecomesTheImageItWasExtractedFrom()
    {
        IDataView images = Apply(OfImages(TwoByTwo), _ml.Transforms.ExtractPixels("Pixels", "Image")
            .Append(_ml.Transforms.ConvertToImage(2, 2, "Again", "Pixels")));

        MLImage again = images.GetColumn<MLImage>("Again").Single();

        CollectionAssert.AreEqual(TwoByTwo.GetBGRPixels, again.GetBGRPixels);
        Assert.AreEqual(new ImageDataViewType(2, 2), images.Schema["Again"].Type);
        Assert.AreEqual(255, again.Pixels[3]);
    }

    [TestMethod]
    public void AVectorOfAnotherLengthIsNoImage()
    {
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(
            () => Apply(_ml.Data.LoadFromEnumerable(FlowerRow.Some), _ml.Transforms.ConvertToImage(2, 2, "Image", "Features")));
    }

    [TestMethod]
    public void FillStretchesByNearestPixels()
    {
        MLImage large = Resize(TwoByTwo, 4, 4, ImageResizingEstimator.ResizingKind.Fill);
        MLImage wide = Resize(TwoByTwo, 4, 1, ImageResizingEstimator.ResizingKind.Fill);

        CollectionAssert.AreEqual(new byte[] { 1, 1, 4, 4, 1, 1, 4, 4, 7, 7, 10, 10, 7, 7, 10, 10 }, Blue(large));
        Assert.AreEqual((4, 1), (wide.Width, wide.Height));
    }

    [TestMethod]
    public void IsoPadKeepsProportionsOnBlack()
    {
        MLImage tall = Bgra(1, 4, [[9, 9, 9], [9, 9, 9], [9, 9, 9], [9, 9, 9]]);

        MLImage padded = Resize(tall, 4, 4, ImageResizingEstimator.ResizingKind.IsoPad);

        CollectionAssert.AreEqual(new byte[] { 0, 9, 0, 0, 0, 9, 0, 0, 0, 9, 0, 0, 0, 9, 0, 0 }, Blue(padded));
        Assert.AreEqual((0, 255), (padded.Pixels[3], padded.Pixels[7]));
    }

    [TestMethod]
    [DataRow(ImageResizingEstimator.Anchor.Left, new byte[] { 1, 2 })]
    [DataRow(ImageResizingEstimator.Anchor.Center, new byte[] { 2, 3 })]
    [DataRow(ImageResizingEstimator.Anchor.Right, new byte[] { 3, 4 })]
    public void IsoCropKeepsTheSideAskedFor(ImageResizingEstimator.Anchor anchor, byte[] expected)
    {
        MLImage row = Bgra(4, 2, [[1, 0, 0], [2, 0, 0], [3, 0, 0], [4, 0, 0], [1, 0, 0], [2, 0, 0], [3, 0, 0], [4, 0, 0]]);

        MLImage cropped = Resize(row, 2, 2, ImageResizingEstimator.ResizingKind.IsoCrop, anchor);

        byte[] blue = Blue(cropped);
        Assert.AreEqual(expected[0], blue[0], 1);
        Assert.AreEqual(expected[1], blue[1], 1);
    }

    [TestMethod]
    public void ScalingInterpolatesBetweenPixels()
    {
        MLImage edge = Bgra(2, 2, [[0, 0, 0], [200, 0, 0], [0, 0, 0], [200, 0, 0]]);

        byte[] row = Blue(Resize(edge, 6, 6, ImageResizingEstimator.ResizingKind.IsoCrop))[..6];

        // 200 times the weights that the cubic of Mitchell and Netravali gives the right pixel and those beyond it, at
        // -1/3, 0, 1/3, 2/3, 1 and 4/3; what leaves [0, 255] would be cut.
        byte[] expected = [.. Enumerable.Range(-1, 6).Select(third => (byte)Math.Round(Math.Clamp(200 * RightOf(third / 3.0), 0, 255)))];
        for (int i = 0; i < row.Length; i++)
        {
            Assert.AreEqual(expected[i], row[i], 1);
        }
    }

    [TestMethod]
    public void ShrinkingAveragesPixels()
    {
        var random = new Random(3);
        byte[][] noise = [.. Enumerable.Range(0, 64 * 64).Select(_ => new byte[] { (byte)random.Next(256), 0, 0 })];

        byte[] blue = Blue(Resize(Bgra(64, 64, noise), 8, 8, ImageResizingEstimator.ResizingKind.IsoPad));

        // Each of the 64 pixels is the mean of 64 of standard deviation 74, so it strays from 127.5 by 9, rarely by 40.
        Assert.IsTrue(blue.All(value => value is > 87 and < 168), string.Join(",", blue));
    }

    [TestMethod]
    public void GreyImagesHoldTheBrightness()
    {
        IDataView grey = Apply(OfImages(Bgra(2, 2, [[0, 0, 255], [0, 255, 0], [255, 0, 0], [100, 100, 100]])), _ml.Transforms.ConvertToGrayscale("Grey", "Image"));

        byte[] bgr = grey.GetColumn<MLImage>("Grey").Single().GetBGRPixels;

        Assert.AreEqual(0.3 * 255, bgr[0], 1);
        Assert.AreEqual(0.59 * 255, bgr[3], 1);
        Assert.AreEqual(0.11 * 255, bgr[6], 1);
        Assert.AreEqual(100, bgr[9], 1);
        Assert.AreEqual((bgr[0], bgr[0]), (bgr[1], bgr[2]));
    }

    [TestMethod]
    public void ImagesAreLoadedOnlyIfAColumnNeedsThem()
    {
        using var file = new TemporaryFile("one.png");
        File.WriteAllBytes(file.Path, new PngBuilder(1, 1, colourType: 2, depth: 8).Build([1, 2, 3]));
        IDataView names = _ml.Data.LoadFromEnumerable<Named>([new() { Name = "one.png" }, new() { Name = "missing.png" }]);

        IDataView images = Apply(names, _ml.Transforms.LoadImages("Image", file.Folder, "Name"));

        Assert.AreEqual(new ImageDataViewType(), images.Schema["Image"].Type);
        Assert.AreEqual(2, images.GetColumn<string>("Name").Count());
        byte[][] loaded = [.. _ml.Data.TakeRows(images, 1).GetColumn<MLImage>("Image").Select(image => image.GetBGRPixels)];
        CollectionAssert.AreEqual(new byte[] { 3, 2, 1 }, loaded.Single());
        Assert.Throws<Exception>(() => images.GetColumn<MLImage>("Image").ToArray());
        Assert.Throws<ArgumentException>(() => _ml.Transforms.LoadImages("Image", file.Folder + "-missing", "Name"));
    }

    [TestMethod]
    public void AnImagePipelineComesBackFromItsFile()
    {
        using var image = new TemporaryFile("one.png");
        File.WriteAllBytes(image.Path, new PngBuilder(3, 2, colourType: 2, depth: 8).Build([1, 2, 3, 4, 5, 6, 7, 8, 9], [10, 11, 12, 13, 14, 15, 16, 17, 18]));
        IDataView names = _ml.Data.LoadFromEnumerable<Named>([new() { Name = "one.png" }]);
        ITransformer model = _ml.Transforms.LoadImages("Image", image.Folder, "Name")
            .Append(_ml.Transforms.ResizeImages("Small", 2, 2, "Image", ImageResizingEstimator.ResizingKind.Fill))
            .Append(_ml.Transforms.ConvertToGrayscale("Grey", "Small"))
            .Append(_ml.Transforms.ExtractPixels("Pixels", "Grey", interleavePixelColors: true, scaleImage: 0.5f))
            .Append(_ml.Transforms.ConvertToImage(2, 2, "Back", "Pixels", interleavedColors: true, scaleImage: 2))
            .Append(_ml.Transforms.ExtractPixels("Result", "Back"))
            .Fit(names);
        using var file = new MemoryStream();
        _ml.Model.Save(model, names.Schema, file);
        file.Position = 0;

        ITransformer loaded = _ml.Model.Load(file, out _);

        CollectionAssert.AreEqual(
            model.Transform(names).GetColumn<float[]>("Result").Single(), loaded.Transform(names).GetColumn<float[]>("Result").Single());
        using PredictionEngine<Named, Extracted> engine = _ml.Model.CreatePredictionEngine<Named, Extracted>(loaded);
        CollectionAssert.AreEqual(
            model.Transform(names).GetColumn<float[]>("Result").Single(), engine.Predict(new Named { Name = "one.png" }).Result);
    }

    [TestMethod]
    public void ImageMembersAreReadAndWritten()
    {
        IDataView data = OfImages(TwoByTwo);

        SizedImage row = _ml.Data.CreateEnumerable<SizedImage>(data, reuseRowObject: false).Single();

        Assert.AreEqual(new ImageDataViewType(2, 2), data.Schema["Image"].Type);
        Assert.IsNotNull(row.Image);
        CollectionAssert.AreEqual(TwoByTwo.GetBGRPixels, row.Image.GetBGRPixels);
    }

    [TestMethod]
    public void AnImageMemberNeedsASize()
    {
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => _ml.Data.LoadFromEnumerable<UnsizedImage>([]));
    }

    [TestMethod]
    public void ACacheHasNoImages()
    {
        IDataView cached = _ml.Data.Cache(Apply(OfImages(TwoByTwo), _ml.Transforms.ExtractPixels("Pixels", "Image")));

        Assert.IsNull(cached.Schema.GetColumnOrNull("Image"));
        Assert.HasCount(12, cached.GetColumn<float[]>("Pixels").Single());
    }

    // The weight of the pixels from 1 on, at a place between pixels 0 and 1 or beyond them.
    private static double RightOf(double place)
        => Enumerable.Range((int)Math.Floor(place) - 1, 4).Where(pixel => pixel >= 1).Sum(pixel => Mitchell(Math.Abs(place - pixel)));

    private static double Mitchell(double x)
        => x < 1 ? ((7 * x * x * x) - (12 * x * x) + (16 / 3.0)) / 6
            : x < 2 ? ((-7 / 3.0 * x * x * x) + (12 * x * x) - (20 * x) + (32 / 3.0)) / 6
            : 0;

    private static byte[] Blue(MLImage image) => [.. image.GetBGRPixels.Where((_, i) => i % 3 == 0)];

    private static MLImage Bgra(int width, int height, byte[][] bgr)
        => MLImage.CreateFromPixels(width, height, MLPixelFormat.Bgra32, bgr.SelectMany(pixel => pixel.Append((byte)255)).ToArray());

    private static IDataView Apply(IDataView data, IEstimator<ITransformer> estimator) => estimator.Fit(data).Transform(data);

    private MLImage Resize(
        MLImage image,
        int width,
        int height,
        ImageResizingEstimator.ResizingKind kind,
        ImageResizingEstimator.Anchor anchor = ImageResizingEstimator.Anchor.Center)
        => Apply(
            OfImages(image),
            _ml.Transforms.ResizeImages("Small", width, height, "Image", kind, anchor)).GetColumn<MLImage>("Small").Single();

    private IDataView OfImages(MLImage image) => _ml.Data.LoadFromEnumerable<SizedImage>([new() { Image = image }]);

    private sealed class SizedImage
    {
        [ImageType(2, 2)]
        public MLImage? Image { get; set; }
    }

    private sealed class UnsizedImage
    {
        [ImageType]
        public MLImage? Image { get; set; }
    }

    private sealed class Named
    {
        public string Name { get; set; } = "";
    }

    private sealed class Extracted
    {
        public float[] Result { get; set; } = [];
    }
}
