using Kfac.Curvature;
using Kfac.Images;
using Kfac.Models;
using Kfac.Optimizers;
using Kfac.Training;

namespace Kfac.Tests.Training;

/// <summary>Pictures of one colour each: within a picture nothing varies.</summary>
[TestClass]
public sealed class BlankPicturesTests
{
    public TestContext TestContext { get; set; } = null!;

    public static IEnumerable<OptimizerOptions> Optimizers => [new KfacOptions(), new KfacOptions { Approximation = FisherApproximation.Kronecker }, new AdamOptions()];

    [TestMethod]
    [DynamicData(nameof(Optimizers))]
    public void Red_green_and_blue_pictures_are_told_apart(OptimizerOptions optimizer)
    {
        MemoryImageSource images = Create(new ImageShape(32, 32, 3), 12, n => [n % 3 == 0 ? 255 : 0, n % 3 == 1 ? 255 : 0, n % 3 == 2 ? 255 : 0]);
        ImageClassifier model = Fit(images, 12, optimizer);

        Assert.AreEqual(1, model.History[^1].TrainingAccuracy);
    }

    [TestMethod]
    [DataRow(32, 12, 4)]
    [DataRow(512, 2, 1)]
    public void Pictures_of_a_grey_each_train(int side, int count, int epochs) => Fit(Create(new ImageShape(side, side, 3), count, n => [20 * n, 20 * n, 20 * n]), epochs, new KfacOptions());

    [TestMethod]
    [DataRow(32, 12, 4)]
    [DataRow(96, 4, 2)]
    public void Pictures_that_are_all_the_same_train(int side, int count, int epochs) => Fit(Create(new ImageShape(side, side, 3), count, _ => [20, 40, 60]), epochs, new KfacOptions());

    private ImageClassifier Fit(MemoryImageSource images, int epochs, OptimizerOptions optimizer)
    {
        var options = new TrainingOptions { Epochs = epochs, Threads = 2, Optimizer = optimizer, OnWarning = TestContext.WriteLine };
        ImageClassifier model = new ImageClassifierTrainer(options).Fit(images);
        Assert.IsTrue(model.Parameters.All(parameter => parameter.Values.ToArray().All(float.IsFinite)));
        return model;
    }

    private static MemoryImageSource Create(ImageShape shape, int count, Func<int, float[]> colour)
    {
        var images = new MemoryImageSource(shape, 3);
        for (int n = 0; n < count; n++)
        {
            float[] picture = [.. Enumerable.Repeat(colour(n), shape.Height * shape.Width).SelectMany(values => values)];
            images.Add(picture, n % 3);
        }

        return images;
    }
}
