using Kfac.Networks;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;
using MLNetKfac.Tests.Data;

namespace MLNetKfac.Tests;

/// <summary>Where a model of images looks.</summary>
[TestClass]
public sealed class OcclusionMapTests
{
    private const int Side = 10;

    private readonly MLContext _context = new(seed: 1);

    [TestMethod]
    [DataRow(MLPixelFormat.Bgra32)]
    [DataRow(MLPixelFormat.Rgba32)]
    public void The_model_looks_where_the_colour_is(MLPixelFormat format)
    {
        Picture[] pictures = [.. Enumerable.Range(0, 60).Select(number => Draw(number, format))];
        IDataView rows = _context.Transforms.Conversion.MapValueToKey("Label", nameof(Picture.Kind)).Fit(_context.Data.LoadFromEnumerable(pictures)).Transform(_context.Data.LoadFromEnumerable(pictures));
        using KfacImageClassificationTransformer model = _context.MulticlassClassification.Trainers.KfacImageClassification(new KfacImageClassificationTrainer.Options
        {
            FeatureColumnName = nameof(Picture.Image),
            Network = NetworkSpec.For(Side, Side, 3).Conv(8, 3).Relu().MaxPool(2).Flatten().Dense(2),
            Epoch = 8,
            Seed = 1,
        }).Fit(rows);
        using var occlusion = new OcclusionMap(model);

        float[] map = occlusion.Compute(pictures[0].Image!);

        Assert.HasCount(Side * Side, map);
        Assert.AreEqual(1, map.Max());
        Assert.IsGreaterThanOrEqualTo(0, map.Min());
        Assert.IsGreaterThan(Half(map, isTop: false), Half(map, isTop: true), "the colour is in the upper half");
        CollectionAssert.AreEqual(map, occlusion.Compute(pictures[0].Image!));
        using MLImage large = MLImage.CreateFromPixels(Side + 1, Side, format, new byte[(Side + 1) * Side * 4]);
        Assert.Contains("must have 10 rows and 10 columns, but has 10 and 11", Assert.ThrowsExactly<ArgumentException>(() => occlusion.Compute(large)).Message);
    }

    [TestMethod]
    public void A_model_of_vectors_has_none()
    {
        KfacImageClassificationTransformer model = _context.MulticlassClassification.Trainers.KfacImageClassification(Bars.Options()).Fit(Bars.Load(_context, 30, 1));

        Assert.Contains("must have been trained on a column of images", Assert.ThrowsExactly<ArgumentException>(() => new OcclusionMap(model)).Message);
    }

    private static float Half(float[] map, bool isTop) => map.Where((_, pixel) => pixel / Side < Side / 2 == isTop).Average();

    /// <summary>A red or a blue square in the upper half, on noise.</summary>
    private static Picture Draw(int number, MLPixelFormat format)
    {
        var random = new Random(number);
        bool isRed = number % 2 == 0;
        var pixels = new byte[Side * Side * 4];
        random.NextBytes(pixels);
        int left = random.Next(1, Side - 4), channel = isRed == (format == MLPixelFormat.Bgra32) ? 2 : 0;
        for (int i = 0; i < pixels.Length; i++)
        {
            bool isSquare = i / 4 / Side is 1 or 2 or 3 && i / 4 % Side >= left && i / 4 % Side < left + 3;
            pixels[i] = i % 4 == 3 ? byte.MaxValue : isSquare ? (byte)(i % 4 == channel ? 250 : 0) : (byte)(pixels[i] / 4 + 90);
        }

        return new Picture { Image = MLImage.CreateFromPixels(Side, Side, format, pixels), Kind = isRed ? "red" : "blue" };
    }

    private sealed class Picture
    {
        [ImageType(Side, Side)]
        public MLImage? Image { get; set; }

        public string Kind { get; set; } = "";
    }
}
