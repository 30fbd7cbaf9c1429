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
/// <param name="Final">Factor at the end, in [0, 1]. Default 0.</param>
public sealed record WarmUpCosineSchedule(double WarmUp = 0.05, double Final = 0) : LearningRateSchedule
{
    /// <inheritdoc/>
    public override double Factor(double progress, double epoch) =>
        progress < WarmUp
            ? progress / WarmUp
            : Final + (1 - Final) * 0.5 * (1 + Math.Cos(Math.PI * (progress - WarmUp) / (1 - WarmUp)));
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
}
