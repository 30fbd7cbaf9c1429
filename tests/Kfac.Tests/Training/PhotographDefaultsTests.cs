using Kfac.Images;
using Kfac.Models;
using Kfac.Tests.Images;
using Kfac.Training;

namespace Kfac.Tests.Training;

/// <summary>What a user gets who sets nothing but the number of epochs.</summary>
[TestClass]
public sealed class PhotographDefaultsTests
{
    [TestMethod]
    public void Colour_pictures_are_learned_with_honest_probabilities()
    {
        MemoryImageSource test = ColouredScenes.Create(200, seed: 2);

        ImageClassifier model = new ImageClassifierTrainer(new TrainingOptions { Epochs = 4 }).Fit(ColouredScenes.Create(600, seed: 1));

        (double accuracy, double loss) = Measure(model, test);
        Assert.IsGreaterThan(0.97, accuracy);
        Assert.IsLessThan(0.15, loss);
        Assert.AreNotEqual(1f, model.Temperature, "calibrated on pictures set apart");
        Assert.IsTrue(model.AveragesMirrored);
    }

    private static (double Accuracy, double Loss) Measure(ImageClassifier model, MemoryImageSource images)
    {
        using ImagePredictor predictor = model.CreatePredictor();
        float[] pixels = new float[images.Shape.Size], probabilities = new float[images.ClassCount];
        (int right, double loss) = (0, 0);
        for (int n = 0; n < images.Count; n++)
        {
            images.ReadImage(n, pixels);
            predictor.Predict(pixels, probabilities);
            right += Array.IndexOf(probabilities, probabilities.Max()) == images.GetLabel(n) ? 1 : 0;
            loss -= Math.Log(probabilities[images.GetLabel(n)]);
        }

        return ((double)right / images.Count, loss / images.Count);
    }
}
