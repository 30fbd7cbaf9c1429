namespace Kfac.Networks;

/// <summary>
/// Batch normalisation (Ioffe and Szegedy 2015): y = scale[c] · (x - mean[c]) / √(variance[c] + ε) + shift[c], for each
/// channel c. In training, mean and variance are those of the batch's values of the channel, over examples, rows and columns, and
/// enter running averages; at prediction they are these averages. If a batch's variance is at most ε / 1,000,000, the values count
/// as all the same, and no gradient goes through the channel. All four are arrays [C] of the model; scale and shift are trained.
/// </summary>
/// <param name="Momentum">
/// What the running averages keep at each step, in [0, 1): running = keep · running + (1 - keep) · batch, the variance
/// being divided by the number of values. At step t = 0, 1, … keep is t / (t + 1) as long as that is less than the momentum: the averages are plain
/// means at first, so that their initial values have no influence.
/// </param>
/// <param name="Epsilon">ε, in the unit of the variance; above 0.</param>
public sealed record BatchNormSpec(float Momentum = 0.9f, float Epsilon = 1e-5f) : LayerSpec
{
    internal override bool HasParameters => true;

    internal override ImageShape InferOutput(ImageShape input)
    {
        if (Momentum is not (>= 0 and < 1))
        {
            throw new ArgumentException($"the momentum of a batch normalisation must be in [0, 1), but is {Momentum}");
        }

        RequireEpsilon(Epsilon);
        return input;
    }
}
