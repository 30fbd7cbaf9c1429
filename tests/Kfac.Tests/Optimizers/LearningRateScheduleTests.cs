using Kfac.Optimizers;

namespace Kfac.Tests.Optimizers;

[TestClass]
public sealed class LearningRateScheduleTests
{
    /// <summary>A schedule, and its factors after 0, 1, … epochs of 10.</summary>
    public static IEnumerable<object[]> Courses =>
    [
        [LearningRateSchedule.Constant, new double[] { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 }],
        [new WarmUpCosineSchedule(0.2, 0.1), new[] { 0, 0.5, 1, Cosine(1), Cosine(2), Cosine(3), 0.55, Cosine(5), Cosine(6), Cosine(7), 0.1 }],
        [new WarmUpCosineSchedule(0, 0), new[] { 1, Half(1), Half(2), Half(3), Half(4), 0.5, Half(6), Half(7), Half(8), Half(9), 0 }],
        [new OneCycleSchedule(0.4, 0.2, 0.1), new[] { 0.2, 0.4, 0.6, 0.8, 1, 0.85, 0.7, 0.55, 0.4, 0.25, 0.1 }],
        [new PolynomialSchedule(), new[] { 1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0 }],
        [new PolynomialSchedule(2, 0.2), new[] { 1, 0.848, 0.712, 0.592, 0.488, 0.4, 0.328, 0.272, 0.232, 0.208, 0.2 }],
        [new ExponentialSchedule(0.25, 2), new[] { 1, 0.5, 0.25, 0.125, 1 / 16.0, 1 / 32.0, 1 / 64.0, 1 / 128.0, 1 / 256.0, 1 / 512.0, 1 / 1024.0 }],
        [new ExponentialSchedule(0.5, 4, Staircase: true), new[] { 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25 }],
        [new MultiStepSchedule(0.5, [4, 8]), new[] { 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25 }],
        [new MultiStepSchedule(0.1, [0, 2.5, 9]), new[] { 0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.001, 0.001 }],
    ];

    [TestMethod]
    [DynamicData(nameof(Courses))]
    public void Factors_follow_the_formula(LearningRateSchedule schedule, double[] factors)
    {
        schedule.Validate();
        for (int epoch = 0; epoch <= 10; epoch++)
        {
            Assert.AreEqual(factors[epoch], schedule.Factor(epoch / 10.0, epoch), 1e-12, $"{schedule} after {epoch} epochs");
        }
    }

    public static IEnumerable<object[]> BadSettings =>
    [
        [new WarmUpCosineSchedule(WarmUp: 1), "WarmUp must be in [0, 1), but is 1"],
        [new WarmUpCosineSchedule(Final: -1), "Final must be in [0, 1], but is -1"],
        [new OneCycleSchedule(Peak: 0), "Peak must be in (0, 1), but is 0"],
        [new OneCycleSchedule(Initial: 2), "Initial must be in [0, 1], but is 2"],
        [new OneCycleSchedule(Final: double.NaN), "Final must be in [0, 1], but is NaN"],
        [new PolynomialSchedule(Power: 0), "Power must be positive and finite, but is 0"],
        [new PolynomialSchedule(Final: 3), "Final must be in [0, 1], but is 3"],
        [new ExponentialSchedule(0, 1), "Rate must be in (0, 1], but is 0"],
        [new ExponentialSchedule(0.5, 0), "Epochs must be positive and finite, but is 0"],
        [new MultiStepSchedule(2, [1]), "Rate must be in (0, 1], but is 2"],
        [new MultiStepSchedule(0.5, []), "Milestones must be at least one number of epochs, 0 or more and rising, but is "],
        [new MultiStepSchedule(0.5, [3, 3]), "Milestones must be at least one number of epochs, 0 or more and rising, but is 3, 3"],
        [new MultiStepSchedule(0.5, [-1, 3]), "Milestones must be at least one number of epochs, 0 or more and rising, but is -1, 3"],
    ];

    [TestMethod]
    [DynamicData(nameof(BadSettings))]
    public void Bad_settings_are_refused_by_name(LearningRateSchedule schedule, string message) =>
        StringAssert.StartsWith(Assert.ThrowsExactly<ArgumentException>(schedule.Validate).Message, message);

    [TestMethod]
    public void Multi_step_schedules_are_equal_by_their_milestones()
    {
        Assert.AreEqual(new MultiStepSchedule(0.1, [1, 2]), new MultiStepSchedule(0.1, new List<double> { 1, 2 }));
        Assert.AreEqual(new MultiStepSchedule(0.1, [1, 2]).GetHashCode(), new MultiStepSchedule(0.1, [1, 2]).GetHashCode());
        Assert.AreNotEqual(new MultiStepSchedule(0.1, [1, 2]), new MultiStepSchedule(0.1, [1, 3]));
    }

    /// <summary>Between 1 and 0.1, after so many of the eight epochs that follow a warm-up of two.</summary>
    private static double Cosine(int epochs) => 0.55 + 0.45 * Math.Cos(Math.PI * epochs / 8);

    private static double Half(int epochs) => 0.5 + 0.5 * Math.Cos(Math.PI * epochs / 10);
}
