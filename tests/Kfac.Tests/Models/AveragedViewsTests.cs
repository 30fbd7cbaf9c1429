using Kfac.Models;

namespace Kfac.Tests.Models;

/// <summary>The views of an image that a model averages.</summary>
[TestClass]
public sealed class AveragedViewsTests
{
    private static readonly ImageShape Shape = new(2, 3, 1);

    private static readonly float[] Image = [1, 2, 3, 4, 5, 6];

    [TestMethod]
    [DataRow(false, 0, new float[] { 1, 2, 3, 4, 5, 6 })]
    [DataRow(true, 0, new float[] { 3, 2, 1, 6, 5, 4 })]
    [DataRow(false, 1, new float[] { 1, 1, 2, 1, 1, 2 })]
    [DataRow(false, -1, new float[] { 5, 6, 6, 5, 6, 6 })]
    [DataRow(true, 1, new float[] { 2, 1, 1, 2, 1, 1 })]
    public void A_view_is_mirrored_and_moved(bool isMirrored, int shift, float[] expected)
    {
        var view = new float[6];
        new ImageView(isMirrored, shift, 1).Write(Image, Shape, view);
        CollectionAssert.AreEqual(expected, view);
    }

    [TestMethod]
    [DataRow(false, false, "0:1")]
    [DataRow(true, false, "0:0.5 m0:0.5")]
    [DataRow(false, true, "0:0.5 -1:0.25 1:0.25")]
    [DataRow(true, true, "0:0.25 -1:0.125 1:0.125 m0:0.25 m-1:0.125 m1:0.125")]
    public void The_moved_images_weigh_as_much_as_the_image(bool mirrored, bool shifted, string expected)
    {
        IReadOnlyList<ImageView> views = new AveragedViews(mirrored, shifted).Of(Shape);
        Assert.AreEqual(expected, string.Join(' ', views.Select(view => FormattableString.Invariant($"{(view.IsMirrored ? "m" : "")}{view.Shift}:{view.Weight}"))));
    }

    [TestMethod]
    [DataRow(32, 32, 1)]
    [DataRow(224, 300, 7)]
    public void Larger_images_move_further(int height, int width, int shift) =>
        Assert.AreEqual(shift, new AveragedViews(false, true).Of(new ImageShape(height, width, 3))[^1].Shift);

    [TestMethod]
    public void A_file_keeps_the_views()
    {
        foreach (AveragedViews views in (AveragedViews[])[new(false, false), new(true, false), new(false, true), new(true, true)])
        {
            using var file = new MemoryStream();
            OnnxExportTests.Create(Kfac.Networks.NetworkSpec.For(4, 4, 1).Flatten().Dense(2), temperature: 2, views).Save(file);
            file.Position = 0;
            ImageClassifier loaded = ImageClassifier.Load(file);
            Assert.AreEqual((views.Mirrored, views.Shifted), (loaded.AveragesMirrored, loaded.AveragesShifted));
        }
    }
}
