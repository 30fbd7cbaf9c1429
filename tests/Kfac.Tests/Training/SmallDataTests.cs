using Kfac.Images;
using Kfac.Models;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Tests.Images;
using Kfac.Training;

namespace Kfac.Tests.Training;

/// <summary>Sets of few images, and trainings that come to nothing on them.</summary>
[TestClass]
public sealed class SmallDataTests
{
    [TestMethod]
    [DataRow(60, 4, 0.1, 1)]
    [DataRow(60, 5, 0.1, 1)]
    [DataRow(3, 2, 0.9, 1)]
    [DataRow(3, 40, 0.1, 4)]
    [DataRow(3, 1, 0.5, 0)]
    public void A_share_takes_one_image_of_every_class_that_has_two_and_never_all(int classes, int images, double share, int expected)
    {
        var shape = new ImageShape(1, 1, 1);
        var source = new MemoryImageSource(shape, classes);
        for (int n = 0; n < classes * images; n++)
        {
            source.Add([n], n % classes);
        }

        (ImageSet training, ImageSet validation) = ImageSet.Of(source).Split(share, seed: 1);

        Assert.IsTrue(validation.ClassCounts.All(count => count == expected));
        Assert.IsTrue(training.ClassCounts.All(count => count == images - expected));
    }

    [TestMethod]
    public void A_rate_far_too_large_ends_in_an_exception_and_not_in_a_model()
    {
        var options = new TrainingOptions { Network = NetworkSpec.SmallCnn(SyntheticImages.Shape, SyntheticImages.Classes), Optimizer = new SgdOptions { LearningRate = 1e4f }, Threads = 2 };

        TrainingDivergedException failure = Assert.ThrowsExactly<TrainingDivergedException>(() => new ImageClassifierTrainer(options).Fit(SyntheticImages.Create(39, 1)));

        StringAssert.Contains(failure.Message, "lower the learning rate");
    }

    [TestMethod]
    public void A_refused_step_is_taken_again_so_that_reports_cover_every_image()
    {
        int reports = 0, warnings = 0;
        ImageClassifier model = new ImageClassifierTrainer(new TrainingOptions
        {
            Network = NetworkSpec.For(8, 8, 1).Flatten().Dense(SyntheticImages.Classes),
            Optimizer = new SgdOptions { LearningRate = 3e38f },
            Schedule = LearningRateSchedule.Constant,
            Epochs = 3,
            Threads = 2,
            OnBatch = report => reports += double.IsFinite(report.Loss) ? 1 : 0,
            OnWarning = _ => warnings++,
        }).Fit(SyntheticImages.Create(30, 1), SyntheticImages.Create(9, 2));

        Assert.AreEqual(3, reports);
        Assert.IsGreaterThan(0, warnings);
        Assert.IsTrue(model.History.All(epoch => double.IsFinite(epoch.TrainingLoss) && epoch.TrainingAccuracy is >= 0 and <= 1 && epoch.ValidationAccuracy is >= 0 and <= 1 && !double.IsNaN(epoch.ValidationLoss!.Value)));
    }
}
