using Kfac.Models;
using Kfac.Training;

namespace Kfac.Tests.Training;

/// <summary>Position, history and counters of a checkpoint go together, or it is refused: each relation by a value that is right and values that are not.</summary>
[TestClass]
public sealed class PossibleMomentsTests
{
    private const int Images = 10, Steps = 4;

    /// <summary>Two epochs of an earlier training, in which a step was refused.</summary>
    private static readonly EpochReport[] Before = [Report(1, 0.5, epochs: 2), Report(2, 0.6, epochs: 2) with { Recoveries = 1 }];

    private static readonly OptimizerCounts Start = new(Recoveries: 1, CurvatureRecoveries: 0, Passes: 9);

    private static readonly TrainingOptions Options = new() { Epochs = 5, EarlyStopping = new EarlyStopping(Patience: 2) };

    private List<EpochReport> _history = [.. Before, Report(3, 0.7) with { Recoveries = 1 }, Report(4, 0.65) with { Recoveries = 1 }];

    /// <summary>After two epochs and two steps, 5 images, of the third.</summary>
    private TrainingProgress _progress = new() { Epochs = 2, Steps = 2, Seen = 5, Correct = 3, LossSum = 4.5, LearningRate = 0.1, SecondsBefore = 4, Seconds = 4.5, BestEpoch = 3 };

    private OptimizerCounts _counts = Start with { Passes = 9 + 10 };

    private TrainingOptions _options = Options;

    private bool _validates = true;

    [TestMethod]
    public void The_start_the_middle_the_end_of_an_epoch_and_the_last_moment_are_possible()
    {
        Possible();

        (_progress.Steps, _progress.Seen, _counts) = (4, 10, _counts with { Passes = 21 });
        Possible();

        GoToStart();
        Possible();

        _history.Add(Report(5, 0.69) with { Recoveries = 1 });
        (_progress.Epochs, _progress.HasEnded, _counts, _progress.Seconds, _progress.SecondsBefore) = (3, true, _counts with { Passes = 21 }, 5, 5);
        Possible();

        _history = [.. Before];
        _progress = new TrainingProgress { Seconds = 2, SecondsBefore = 2 };
        _counts = Start;
        Possible();
    }

    [TestMethod]
    public void The_last_epoch_ends_it_without_early_stopping()
    {
        _options = Options with { EarlyStopping = null, Epochs = 2 };
        _history = [.. Before, .. _history[2..].Select(report => report with { Epochs = 4 })];
        GoToStart();
        (_progress.BestEpoch, _progress.HasEnded) = (0, true);
        Possible();

        _progress.HasEnded = false;
        Impossible("it has not ended, although nothing is left to do");
        (_progress.HasEnded, _progress.Steps) = (true, 1);
        Impossible("1 steps are done after the last epoch");
    }

    [TestMethod]
    [DataRow(-1, "-1 of 5 epochs are done")]
    [DataRow(6, "6 of 5 epochs are done")]
    [DataRow(1, "2 and 1 epochs are done, but 4 reported")]
    [DataRow(3, "2 and 3 epochs are done, but 4 reported")]
    public void Epochs(int epochs, string message) => Impossible(() => _progress.Epochs = epochs, message);

    [TestMethod]
    [DataRow(-1, "-1 of an epoch's 4 steps are done")]
    [DataRow(5, "5 of an epoch's 4 steps are done")]
    [DataRow(3, "5 images were seen in 3 steps of 7 images")]
    [DataRow(0, "5 images were seen in 0 steps of 0 images")]
    public void Steps_of_the_epoch(int steps, string message) => Impossible(() => _progress.Steps = steps, message);

    [TestMethod]
    public void History_has_a_report_for_each_epoch()
    {
        Impossible(() => _history.RemoveAt(3), "2 and 2 epochs are done, but 3 reported");
    }

    [TestMethod]
    public void Images_seen()
    {
        Impossible(() => _progress.Seen = 4, "4 images were seen in 2 steps of 5 images");
        _counts = _counts with { Recoveries = 2 };
        Possible(() => _progress.Seen = 3);
        Impossible(() => _progress.Seen = 6, "6 images were seen in 2 steps of 5 images");
        Impossible(() => _progress.Seen = -1, "-1 images were seen");
    }

    [TestMethod]
    public void Images_classified_correctly()
    {
        Possible(() => _progress.Correct = 0);
        Possible(() => _progress.Correct = 5);
        Impossible(() => _progress.Correct = 6, "6 of 5 images were classified correctly");
        Impossible(() => _progress.Correct = -1, "-1 of 5 images were classified correctly");
    }

    [TestMethod]
    public void Sum_of_losses()
    {
        Possible(() => _progress.LossSum = 0);
        Impossible(() => _progress.LossSum = -4.5, "the losses of 5 images add up to -4.5");
        Impossible(() => _progress.LossSum = double.NaN, "the losses of 5 images add up to NaN");
        Impossible(() => _progress.LossSum = double.PositiveInfinity, "the losses of 5 images add up to");
        GoToStart();
        Impossible(() => _progress.LossSum = 1, "the losses of 0 images add up to 1");
    }

    [TestMethod]
    public void Learning_rate_of_the_last_step()
    {
        Possible(() => _progress.LearningRate = 0.2);
        Impossible(() => _progress.LearningRate = -0.1, "the last step's learning rate is -0.1");
        Impossible(() => _progress.LearningRate = double.NaN, "the last step's learning rate is NaN");
        GoToStart();
        Impossible(() => _progress.LearningRate = 0.2, "the last step's learning rate is 0.2");
    }

    [TestMethod]
    public void Seconds()
    {
        Possible(() => _progress.Seconds = 4);
        Impossible(() => _progress.Seconds = 3.9, "it has come from 4 to 3.9 seconds in 2 steps");
        Impossible(() => _progress.Seconds = double.NaN, "it has come from 4 to NaN seconds in 2 steps");
        Impossible(() => _progress.SecondsBefore = 3.5, "the epoch began after 3.5 seconds, but the one before ended after 4");
        GoToStart();
        Impossible(() => _progress.Seconds = 5, "it has come from 4 to 5 seconds in 0 steps");
    }

    [TestMethod]
    public void Best_epoch_follows_from_the_reports()
    {
        Impossible(() => _progress.BestEpoch = 4, "its best epoch is 4, but by its reports 3");
        Impossible(() => _progress.BestEpoch = 0, "its best epoch is 0, but by its reports 3");
        Impossible(() => _options = Options with { EarlyStopping = null }, "its best epoch is 3, but by its reports 0");
    }

    [TestMethod]
    public void Whether_it_has_ended_follows_from_the_reports()
    {
        Impossible(() => _progress.HasEnded = true, "it has ended after 2 of 5 epochs");
        Impossible(() => _options = Options with { EarlyStopping = new EarlyStopping(Patience: 1) }, "it has not ended, although nothing is left to do");

        _options = Options with { EarlyStopping = new EarlyStopping(Patience: 1) };
        _progress.HasEnded = true;
        Impossible("2 steps are done after its end");
        GoToStart();
        Possible();

        _history.Add(Report(5, 0.6) with { Recoveries = 1 });
        _progress.Epochs = 3;
        Impossible("it went on after epoch 4, where it had to stop early");
    }

    [TestMethod]
    public void Steps_refused()
    {
        Possible(() => _counts = _counts with { Recoveries = 2, Passes = 20 });
        Impossible(() => (_counts, _progress.Seen) = (_counts with { Recoveries = 0 }, 3), "0 steps were refused, 1 before this epoch");
        GoToStart();
        Impossible(() => _counts = _counts with { Recoveries = 2 }, "2 steps were refused, 1 before this epoch");
    }

    [TestMethod]
    public void Inverses_that_needed_help()
    {
        Possible(() => _counts = _counts with { CurvatureRecoveries = 7 });
        Impossible(() => _counts = _counts with { CurvatureRecoveries = -1 }, "-1 inverses needed help, 0 before this epoch");
        GoToStart();
        Impossible(() => _counts = _counts with { CurvatureRecoveries = 7 }, "7 inverses needed help, 0 before this epoch");
    }

    [TestMethod]
    [DataRow(18)]
    [DataRow(20)]
    [DataRow(-1)]
    [DataRow(long.MaxValue)]
    public void Passes(long passes) => Impossible(() => _counts = _counts with { Passes = passes }, "passes do not go with the steps that are done");

    [TestMethod]
    public void Reports_of_the_previous_model()
    {
        Impossible(() => _history[1] = _history[1] with { ValidationAccuracy = 0.61 }, "the report of epoch 2 is not the previous model's");
    }

    [TestMethod]
    public void Reports_of_this_training()
    {
        Possible(report => report with { TrainingLoss = double.NaN, TrainingAccuracy = double.NaN });
        Possible(report => report with { ValidationLoss = double.PositiveInfinity });
        Possible(report => report with { ValidationLoss = double.NaN });
        Possible(report => report with { ImagesPerSecond = double.PositiveInfinity });
        Possible(report => report with { CurvatureRecoveries = 0 });

        Impossible(report => report with { Epochs = 8 });
        Impossible(report => report with { TrainingLoss = -1 });
        Impossible(report => report with { TrainingLoss = double.PositiveInfinity });
        Impossible(report => report with { TrainingLoss = double.NaN });
        Impossible(report => report with { TrainingAccuracy = 1.1 });
        Impossible(report => report with { TrainingAccuracy = -0.1 });
        Impossible(report => report with { ValidationLoss = null });
        Impossible(report => report with { ValidationLoss = -1 });
        Impossible(report => report with { ValidationAccuracy = null });
        Impossible(report => report with { ValidationAccuracy = 1.1 });
        Impossible(report => report with { Seconds = 1.9 });
        Impossible(report => report with { Seconds = double.PositiveInfinity });
        Impossible(report => report with { ImagesPerSecond = 0 });
        Impossible(report => report with { ImagesPerSecond = double.NaN });
        Impossible(report => report with { LearningRate = -1 });
        Impossible(report => report with { LearningRate = double.PositiveInfinity });
        Impossible(report => report with { Recoveries = 0 });
        Impossible(report => report with { CurvatureRecoveries = -1 });
        Impossible(() => _validates = false, "the report of epoch 3 is impossible");
    }

    private static EpochReport Report(int epoch, double validationAccuracy, int epochs = 7) => new(epoch, epochs, 1, 0.5, 1.1, validationAccuracy, epoch, 20, 0.1, 0);

    /// <summary>Goes back to the start of the epoch: all that counts within it is 0.</summary>
    private void GoToStart()
    {
        (_progress.Steps, _progress.Seen, _progress.Correct, _progress.LossSum, _progress.Seconds) = (0, 0, 0, 0, 4);
        _counts = _counts with { Passes = 9 + 8 };
    }

    private string? Find() => new PossibleMoments(_options, Before, Images, Steps, _validates, Start).FindImpossible(_progress, _history, _counts);

    private void Possible() => Assert.IsNull(Find());

    private void Impossible(string message) => StringAssert.Contains(Find(), message);

    private void Possible(Action change) => Apart(change, Possible);

    private void Impossible(Action change, string message) => Apart(change, () => Impossible(message));

    private void Possible(Func<EpochReport, EpochReport> change) => Possible(() => _history[3] = change(_history[3]));

    private void Impossible(Func<EpochReport, EpochReport> change) => Impossible(() => _history[3] = change(_history[3]), "the report of epoch 4 is impossible, by itself or after the one before");

    /// <summary>Each change by itself.</summary>
    private void Apart(Action change, Action check)
    {
        (TrainingProgress progress, List<EpochReport> history, OptimizerCounts counts, TrainingOptions options, bool validates) = (_progress, _history, _counts, _options, _validates);
        _progress = new TrainingProgress { Seconds = 2, SecondsBefore = 2 };
        StateDictionary.Capture(progress.CaptureOrRestore).TryRestore(_progress.CaptureOrRestore);
        _history = [.. history];
        Possible();
        change();
        check();
        (_progress, _history, _counts, _options, _validates) = (progress, history, counts, options, validates);
    }
}
