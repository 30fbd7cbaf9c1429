using Kfac.Audit;
using Kfac.Images;
using Kfac.Memory;
using Kfac.Models;
using Kfac.Networks;
using Kfac.Parallel;
using Kfac.Running;
using Kfac.Tests.Images;
using Kfac.Tests.Oracles;
using Kfac.Training;

namespace Kfac.Tests.Audit;

[TestClass]
public sealed class FisherDiagonalTests
{
    private static readonly MemoryImageSource Images = SyntheticImages.Create(70, seed: 2);

    /// <summary>D = (1/N) sum_n sum_c p_n[c] (∂ ln p_n[c] / ∂w)², by central differences in double precision.</summary>
    [TestMethod]
    public void It_is_the_definition()
    {
        ImageClassifier model = TrainTiny();
        MemoryImageSource images = SyntheticImages.Create(5, seed: 3);
        IReadOnlyList<float[]> diagonal = FisherDiagonal.Of(model, images);

        using var workers = new Workers(1);
        var oracle = new NaiveNetwork(new Network(model.Spec, 1, workers, trains: false, model.Store));
        List<double[]> expected = [.. oracle.Parameters.Select(values => new double[values.Length])];
        var pixels = new float[images.Shape.Size];
        for (int n = 0; n < images.Count; n++)
        {
            images.ReadImage(n, pixels);
            double[] image = Array.ConvertAll(pixels, pixel => ((double)pixel - model.Scaling.Mean[0]) * model.Scaling.Factor[0]);
            for (int c = 0; c < model.ClassCount; c++)
            {
                double probability = Math.Exp(-oracle.Loss(image, c));
                foreach ((double[] sum, double[] gradient) in expected.Zip(oracle.Gradient(image, c)))
                {
                    for (int i = 0; i < sum.Length; i++)
                    {
                        sum[i] += probability * gradient[i] * gradient[i] / images.Count;
                    }
                }
            }
        }

        foreach ((double[] values, float[] found) in expected.Zip(diagonal))
        {
            double scale = values.Max();
            Assert.IsGreaterThan(0.0, scale);
            for (int i = 0; i < values.Length; i++)
            {
                Assert.AreEqual(values[i], found[i], 1e-4 * scale);
            }
        }
    }

    [TestMethod]
    public void What_is_not_trained_has_none_and_moves_nothing_else()
    {
        NetworkSpec spec = NetworkSpec.PhotographCnn(new ImageShape(24, 24, 3), 2, filters: 2);
        var random = new Random(1);
        var images = new MemoryImageSource(spec.Input, 2);
        for (int n = 0; n < 4; n++)
        {
            images.Add([.. Enumerable.Range(0, spec.Input.Size).Select(_ => (float)random.Next(256))], n % 2, 1);
        }

        ImageClassifier model = new ImageClassifierTrainer(new TrainingOptions { Network = spec, Epochs = 1, Threads = 1 }).Fit(images);

        IReadOnlyList<float[]> diagonal = FisherDiagonal.Of(model, images);

        CollectionAssert.AreEqual(model.Parameters.Select(parameter => parameter.Length).ToArray(), diagonal.Select(values => values.Length).ToArray());
        foreach ((Parameter parameter, float[] values) in model.Parameters.Zip(diagonal))
        {
            Assert.AreEqual(parameter.Kind == ParameterKind.Statistic, values.All(value => value == 0), parameter.Name);
        }

        Assert.AreEqual(ParameterKind.Statistic, model.Parameters[0].Kind, "the network begins with filters that stay as they are");
    }

    [TestMethod]
    public void It_does_not_depend_on_the_threads_and_leaves_the_model_alone()
    {
        ImageClassifier model = TrainTiny();
        float[] before = model.Parameters[0].Values.ToArray();

        IReadOnlyList<float[]> one = FisherDiagonal.Of(model, Images, threads: 1), three = FisherDiagonal.Of(model, Images, threads: 3);

        foreach ((float[] a, float[] b) in one.Zip(three))
        {
            CollectionAssert.AreEqual(a, b);
        }

        CollectionAssert.AreEqual(before, model.Parameters[0].Values.ToArray());
    }

    [TestMethod]
    public void Images_of_another_shape_are_refused()
    {
        ArgumentException refused = Assert.ThrowsExactly<ArgumentException>(
            () => FisherDiagonal.Of(TrainTiny(), new MemoryImageSource(new ImageShape(4, 4, 1), SyntheticImages.Classes)));

        Assert.Contains("8x8x1", refused.Message);
    }

    private static ImageClassifier TrainTiny()
    {
        NetworkSpec tiny = NetworkSpec.For(8, 8, 1).Conv(2, 3).Relu().MaxPool(2).Flatten().Dense(SyntheticImages.Classes);
        return new ImageClassifierTrainer(new TrainingOptions { Network = tiny, Epochs = 1, BatchSize = 16, Threads = 1 }).Fit(Images);
    }
}
