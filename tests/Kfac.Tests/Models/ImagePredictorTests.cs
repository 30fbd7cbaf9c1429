using System.Diagnostics;
using Kfac.Images;
using Kfac.Models;
using Kfac.Networks;
using Kfac.Running;

namespace Kfac.Tests.Models;

/// <summary>The end of a predictor and of its threads.</summary>
[TestClass]
[DoNotParallelize]
public sealed class ImagePredictorTests
{
    private static readonly ImageClassifier Model = OnnxExportTests.Create(NetworkSpec.For(16, 16, 1).Conv(8, 3).Relu().Conv(8, 3).Flatten().Dense(3));

    [TestMethod]
    [DataRow(1)]
    [DataRow(3)]
    public void After_Dispose_a_prediction_is_refused(int threads)
    {
        ImagePredictor predictor = Model.CreatePredictor(threads: threads);
        predictor.Dispose();
        predictor.Dispose();

        Assert.ThrowsExactly<ObjectDisposedException>(() => predictor.Predict(new float[Model.InputShape.Size], new float[3]));
    }

    [TestMethod]
    [DataRow(8, 64, "small images")]
    [DataRow(512, 51, "(1 + 4) values a pixel in 2^26")]
    [DataRow(6000, 1, "one at a time")]
    public void A_usual_batch_is_as_large_as_the_images_let_it_be(int side, int expected, string why)
    {
        NetworkSpec spec = NetworkSpec.For(side, side, 1).Conv(4, 3).GlobalAveragePool().Dense(2);

        Assert.AreEqual(expected, new ImageClassifier(spec, ParameterLayout.Of(spec), new InputScaling(spec.Input, [0], [1]), []).UsualBatchCapacity, why);
    }

    [TestMethod]
    public void Dispose_waits_for_predictions_that_are_running()
    {
        for (int round = 0; round < 50; round++)
        {
            ImagePredictor predictor = Model.CreatePredictor(batchCapacity: 8, threads: 2);
            using var begun = new ManualResetEventSlim();
            Task predicting = Task.Run(() =>
            {
                var images = new float[8 * Model.InputShape.Size];
                var probabilities = new float[8 * 3];
                Assert.ThrowsExactly<ObjectDisposedException>(() =>
                {
                    while (true)
                    {
                        Array.Clear(probabilities);
                        predictor.Predict(images, probabilities);
                        begun.Set();
                        Assert.AreEqual(8, probabilities.Sum(), 1e-4, "a prediction is whole or not at all");
                    }
                });
            });
            begun.Wait();
            predictor.Dispose();
            predicting.GetAwaiter().GetResult();
        }
    }

    [TestMethod]
    public void A_predictor_that_cannot_be_made_leaves_no_threads()
    {
        ImageClassifier vast = new(NetworkSpec.For(4000, 4000, 1).Conv(8, 3).GlobalAveragePool().Dense(2), Kfac.Running.ParameterLayout.Of(NetworkSpec.For(4000, 4000, 1).Conv(8, 3).GlobalAveragePool().Dense(2)), new InputScaling(new ImageShape(4000, 4000, 1), [0], [1]), []);
        Fail();
        using var process = Process.GetCurrentProcess();
        int before = process.Threads.Count;
        for (int i = 0; i < 20; i++)
        {
            Fail();
        }

        process.Refresh();
        Assert.IsLessThan(before + 20, process.Threads.Count, "20 predictors of 8 threads each");

        void Fail() => StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => vast.CreatePredictor(batchCapacity: 1000, threads: 8)).Message, "1000 images of 4000x4000x1 at a time need more values than an array can hold");
    }
}
