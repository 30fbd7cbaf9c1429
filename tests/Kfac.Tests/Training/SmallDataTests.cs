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

        StringAssert.Contains(failure.Message, "lower LearningRate, which is ");
    }

    [TestMethod]
    public void A_refused_step_is_taken_again_so_that_reports_cover_every_image()
    {
        int reports = 0, warnings = 0;
        var epochs = new List<EpochReport>();
        var options = new TrainingOptions
        {
            Network = NetworkSpec.For(8, 8, 1).Flatten().Dense(SyntheticImages.Classes),
            Optimizer = new SgdOptions { LearningRate = 3e38f },
            Schedule = LearningRateSchedule.Constant,
            Epochs = 3,
            Threads = 2,
            OnBatch = report => reports += double.IsFinite(report.Loss) ? 1 : 0,
            OnEpoch = epochs.Add,
            OnWarning = _ => warnings++,
        };

        TrainingDivergedException failure = Assert.ThrowsExactly<TrainingDivergedException>(() => new ImageClassifierTrainer(options).Fit(SyntheticImages.Create(30, 1), SyntheticImages.Create(9, 2)));

        StringAssert.Contains(failure.Message, "the trained parameters are so large that images 4096 times as bright as those of the last batch get scores that are not finite; lower LearningRate, which is 3E+38");
        Assert.AreEqual(3, reports);
        Assert.IsGreaterThan(0, warnings);
        Assert.HasCount(3, epochs);
        Assert.IsTrue(epochs.All(epoch => double.IsFinite(epoch.TrainingLoss) && epoch.TrainingAccuracy is >= 0 and <= 1 && epoch.ValidationAccuracy is >= 0 and <= 1 && double.IsFinite(epoch.ValidationLoss!.Value)));
    }

    [TestMethod]
    public void A_decay_of_more_than_all_is_refused_by_name()
    {
        OptimizerOptions[] tooMuch =
        [
            new SgdOptions { LearningRate = 0.1f, WeightDecay = 10.1f }, new SgdOptions { WeightDecay = 21 }, new AdamOptions { WeightDecay = 501 }, new MuonOptions { WeightDecay = 334 },
            new KfacOptions { WeightDecay = 251 }, new KfacOptions { MomentumKind = KfacMomentumKind.QuadraticModel, LearningRate = 0.1f, WeightDecay = 1.1f },
        ];
        foreach (OptimizerOptions optimizer in tooMuch)
        {
            ArgumentException refusal = Assert.ThrowsExactly<ArgumentException>(() => new ImageClassifierTrainer(new TrainingOptions { Optimizer = optimizer }));
            Assert.AreEqual(nameof(OptimizerOptions.WeightDecay), refusal.ParamName);
            StringAssert.Contains(refusal.Message, "WeightDecay must be at most 1 / LearningRate");
        }

        _ = new ImageClassifierTrainer(new TrainingOptions { Optimizer = new SgdOptions { LearningRate = 0.5f, WeightDecay = 2 } });
    }

    [TestMethod]
    public void Validation_images_that_overflow_end_the_training_and_no_report_has_an_infinity()
    {
        MemoryImageSource training = new(new ImageShape(2, 2, 1), 3), validation = new(training.Shape, training.ClassCount);
        for (int n = 0; n < 9; n++)
        {
            training.Add([1e-6f * n, 0, 1e-6f * (n % 3), 1e-6f], n % 3);
        }

        validation.Add([1e38f, 1e38f, -1e38f, 1e38f], 0);
        var reports = new List<EpochReport>();
        var options = new TrainingOptions { Network = NetworkSpec.For(2, 2, 1).Flatten().Dense(3), Threads = 2, OnEpoch = reports.Add };

        TrainingDivergedException failure = Assert.ThrowsExactly<TrainingDivergedException>(() => new ImageClassifierTrainer(options).Fit(training, validation));

        StringAssert.Contains(failure.Message, "scores of the validation images are not finite");
        Assert.IsEmpty(reports);
    }
}
