namespace Kfac.Optimizers;

/// <summary>The factor that multiplies the learning rate, over the course of a training.</summary>
public abstract record LearningRateSchedule
{
    /// <summary>1 throughout.</summary>
    public static LearningRateSchedule Constant { get; } = new ConstantSchedule();

    /// <summary>The factor at one step.</summary>
    /// <param name="progress">Share of the planned training that is done, 0 … 1.</param>
    /// <param name="epoch">Epochs done, with fraction.</param>
    public abstract double Factor(double progress, double epoch);

    /// <exception cref="ArgumentException">A setting is out of its range; the message names it.</exception>
    internal virtual void Validate()
    {
    }

    /// <summary>The factor in the middle of a step.</summary>
    /// <param name="epochs">Epochs of this training at its start, with fraction.</param>
    /// <param name="step">Its share of an epoch.</param>
    /// <param name="planned">Epochs of this training.</param>
    /// <param name="before">Epochs of the trainings before it.</param>
    /// <exception cref="ArgumentException">The factor is negative or not finite.</exception>
    internal double FactorOfStep(double epochs, double step, int planned, int before)
    {
        double factor = Factor((epochs + step / 2) / planned, before + epochs);
        return factor >= 0 && double.IsFinite(factor)
            ? factor
            : throw new ArgumentException($"Schedule must give a factor of 0 or more, but {this} gives {factor} after {before + epochs:F2} epochs", "Schedule");
    }

    private protected static void RequireFactor(double value, string setting) => Guard.Require(value is >= 0 and <= 1, setting, value, "in [0, 1]");

    private sealed record ConstantSchedule : LearningRateSchedule
    {
        public override double Factor(double progress, double epoch) => 1;
    }
}

/// <summary>
/// Rises linearly from 0 over the first <paramref name="WarmUp"/> of the training, then falls along half a cosine to
/// <paramref name="Final"/> (Loshchilov and Hutter 2017).
/// </summary>
/// <param name="WarmUp">Share of the training, in [0, 1). Default 0.05.</param>
/// <param name="Final">Factor at the end, in [0, 1]. Default 0.2: the running average of the parameters stands in for the rest of the way to 0.</param>
public sealed record WarmUpCosineSchedule(double WarmUp = 0.05, double Final = 0.2) : LearningRateSchedule
{
    /// <inheritdoc/>
    public override double Factor(double progress, double epoch) =>
        progress < WarmUp
            ? progress / WarmUp
            : Final + (1 - Final) * 0.5 * (1 + Math.Cos(Math.PI * (progress - WarmUp) / (1 - WarmUp)));

    internal override void Validate()
    {
        Guard.Require(WarmUp is >= 0 and < 1, nameof(WarmUp), WarmUp, "in [0, 1)");
        RequireFactor(Final, nameof(Final));
    }
}

/// <summary>
/// One cycle (Smith and Topin 2017): rises linearly from <paramref name="Initial"/> to 1 at <paramref name="Peak"/>, then
/// falls linearly to <paramref name="Final"/>. The momentum stays what it is.
/// </summary>
/// <param name="Peak">Share of the training, in (0, 1). Default 0.3.</param>
/// <param name="Initial">Factor at the beginning, in [0, 1]. Default 0.04.</param>
/// <param name="Final">Factor at the end, in [0, 1]. Default 0.</param>
public sealed record OneCycleSchedule(double Peak = 0.3, double Initial = 0.04, double Final = 0) : LearningRateSchedule
{
    /// <inheritdoc/>
    public override double Factor(double progress, double epoch) =>
        progress < Peak
            ? Initial + (1 - Initial) * progress / Peak
            : Final + (1 - Final) * (1 - progress) / (1 - Peak);

    internal override void Validate()
    {
        Guard.Require(Peak is > 0 and < 1, nameof(Peak), Peak, "in (0, 1)");
        RequireFactor(Initial, nameof(Initial));
        RequireFactor(Final, nameof(Final));
    }
}

/// <summary>Falls from 1 to <paramref name="Final"/> as (1 - progress)^<paramref name="Power"/>: with 1, along a line.</summary>
/// <param name="Power">Positive and finite. Default 1.</param>
/// <param name="Final">Factor at the end, in [0, 1]. Default 0.</param>
public sealed record PolynomialSchedule(double Power = 1, double Final = 0) : LearningRateSchedule
{
    /// <inheritdoc/>
    public override double Factor(double progress, double epoch) => Final + (1 - Final) * Math.Pow(1 - progress, Power);

    internal override void Validate()
    {
        Guard.Require(Power > 0 && double.IsFinite(Power), nameof(Power), Power, "positive and finite");
        RequireFactor(Final, nameof(Final));
    }
}

/// <summary>Multiplied by <paramref name="Rate"/> every <paramref name="Epochs"/> epochs.</summary>
/// <param name="Rate">In (0, 1].</param>
/// <param name="Epochs">Positive.</param>
/// <param name="Staircase">Whether it falls in steps rather than steadily.</param>
public sealed record ExponentialSchedule(double Rate, double Epochs, bool Staircase = false) : LearningRateSchedule
{
    /// <inheritdoc/>
    public override double Factor(double progress, double epoch) =>
        Math.Pow(Rate, Staircase ? Math.Floor(epoch / Epochs) : epoch / Epochs);

    internal override void Validate()
    {
        Guard.Require(Rate is > 0 and <= 1, nameof(Rate), Rate, "in (0, 1]");
        Guard.Require(Epochs > 0 && double.IsFinite(Epochs), nameof(Epochs), Epochs, "positive and finite");
    }
}

/// <summary>Multiplied by <paramref name="Rate"/> at each of some epochs; at equal distances, it is an <see cref="ExponentialSchedule"/> with a staircase.</summary>
/// <param name="Rate">In (0, 1].</param>
/// <param name="Milestones">After how many epochs: at least one, 0 or more and rising.</param>
public sealed record MultiStepSchedule(double Rate, IReadOnlyList<double> Milestones) : LearningRateSchedule
{
    /// <inheritdoc/>
    public override double Factor(double progress, double epoch)
    {
        int passed = 0;
        while (passed < Milestones.Count && Milestones[passed] <= epoch)
        {
            passed++;
        }

        return Math.Pow(Rate, passed);
    }

    /// <summary>Whether rate and milestones are the same.</summary>
    public bool Equals(MultiStepSchedule? other) => other is not null && Rate == other.Rate && Milestones.SequenceEqual(other.Milestones);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Rate, Milestones.Count);

    internal override void Validate()
    {
        Guard.Require(Rate is > 0 and <= 1, nameof(Rate), Rate, "in (0, 1]");
        Guard.Require(
            Milestones is { Count: > 0 } && Milestones[0] >= 0 && Milestones.Zip(Milestones.Skip(1), (a, b) => a < b).All(rises => rises),
            nameof(Milestones), string.Join(", ", Milestones ?? []), "at least one number of epochs, 0 or more and rising");
    }
}
