using Kfac.Memory;
using Kfac.Models;
using Kfac.Networks;
using Kfac.Running;
using Kfac.Tests.Images;
using Kfac.Training;

namespace Kfac.Tests.Running;

/// <summary>The ready-made residual network.</summary>
[TestClass]
public sealed class ResNetTests
{
    [TestMethod]
    public void Stages_halve_the_image_and_double_the_channels()
    {
        NetworkSpec spec = NetworkSpec.ResNet(new ImageShape(32, 32, 3), 10, blocks: 3);
        ImageShape[] blocks = [.. spec.Layers.Zip(spec.Shapes).Where(pair => pair.First is ResidualSpec).Select(pair => pair.Second)];
        CollectionAssert.AreEqual(
            Enumerable.Repeat(new ImageShape(32, 32, 16), 3).Concat(Enumerable.Repeat(new ImageShape(16, 16, 32), 3)).Concat(Enumerable.Repeat(new ImageShape(8, 8, 64), 3)).ToArray(),
            blocks);
        Assert.AreEqual(ImageShape.Flat(10), spec.Output);

        // 20 layers: 269,722 parameters (He et al. 2016, table 6: 0.27 million), and two shortcuts with their normalisations.
        ParameterStore store = ParameterLayout.Of(spec);
        Assert.AreEqual(269_722 + 16 * 32 + 2 * 32 + 32 * 64 + 2 * 64, store.Parameters.Where(parameter => parameter.Kind != ParameterKind.Statistic).Sum(parameter => parameter.Length));
    }

    [TestMethod]
    public void Small_one_trains_and_comes_back_from_its_file()
    {
        ImageClassifier model = new ImageClassifierTrainer(new TrainingOptions
        {
            Network = NetworkSpec.ResNet(SyntheticImages.Shape, SyntheticImages.Classes, filters: 4),
            BatchSize = 16,
            Epochs = 8,
            Threads = 2,
        }).Fit(SyntheticImages.Create(150, 1), SyntheticImages.Create(60, 2));
        Assert.IsGreaterThan(0.9, model.History[^1].ValidationAccuracy!.Value);

        using var stream = new MemoryStream();
        model.Save(stream);
        stream.Position = 0;
        CollectionAssert.AreEqual(Probabilities(model), Probabilities(ImageClassifier.Load(stream)));
    }

    private static float[] Probabilities(ImageClassifier model)
    {
        float[] pixels = new float[SyntheticImages.Shape.Size], probabilities = new float[SyntheticImages.Classes];
        SyntheticImages.Create(1, 3).ReadImage(0, pixels);
        using ImagePredictor predictor = model.CreatePredictor();
        predictor.Predict(pixels, probabilities);
        return probabilities;
    }
}
