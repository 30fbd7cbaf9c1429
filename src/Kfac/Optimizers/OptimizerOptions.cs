using Kfac.Running;

namespace Kfac.Optimizers;

/// <summary>Which optimizer trains a network, and its settings.</summary>
public abstract record OptimizerOptions
{
    private protected OptimizerOptions()
    {
    }

    /// <summary>
    /// Step size α, positive, before the schedule's factor. Null, the default, takes 0.002 for Adam, 0.003 for Muon, 0.05 for SGD,
    /// and for K-FAC what was tuned for the block of each layer (docs/kfac.md).
    /// </summary>
    public float? LearningRate { get; init; }

    /// <summary>
    /// Decoupled weight decay, 0 or more: each step first multiplies weights (not biases, nor the scales of normalisations) by
    /// 1 - α·WeightDecay, which may not be below 0. Null, the default, takes 0, and for K-FAC what was tuned for the block of each
    /// layer and the length of the training (docs/kfac.md).
    /// </summary>
    public float? WeightDecay { get; init; }

    /// <summary>
    /// L2 regularisation: what is minimised is the loss plus L2/2·|weights|², of the weights that <see cref="WeightDecay"/> is
    /// for; reported losses are without it. Adam and Muon divide its gradient by the gradient's own size, so that
    /// <see cref="WeightDecay"/> suits them better. Null, the default, takes 0, and for K-FAC in a network without
    /// convolutions the smaller of 0.005 and 10 / n for n training examples.
    /// </summary>
    public float? L2 { get; init; }

    /// <summary>α; the largest where layers differ.</summary>
    private protected abstract float Rate { get; }

    /// <summary>The weight decay that is taken; where layers differ, that of layers of the approximation that was asked for.</summary>
    internal virtual float Decay => WeightDecay ?? 0;

    /// <exception cref="ArgumentException">A setting is out of its range; the message names it.</exception>
    internal virtual void Validate()
    {
        Guard.Require(LearningRate is null or (> 0 and < float.PositiveInfinity), nameof(LearningRate), LearningRate, "positive and finite");
        Guard.Require(WeightDecay is null or (>= 0 and < float.PositiveInfinity), nameof(WeightDecay), WeightDecay, "0 or more and finite");
        Guard.Require(WeightDecay is null || WeightDecay * Rate <= 1, nameof(WeightDecay), WeightDecay, $"at most 1 / {nameof(LearningRate)}, which is {Rate}: each step multiplies weights by 1 - {nameof(LearningRate)}·{nameof(WeightDecay)}, and below 0 they would change their signs, and grow");
        Guard.Require(L2 is null or (>= 0 and < float.PositiveInfinity), nameof(L2), L2, "0 or more and finite");
    }

    internal abstract Optimizer Create(Network network, int seed);
}

/// <summary>
/// Stochastic gradient descent with momentum: m = μ·m + g, w -= α·m; with Nesterov's momentum w -= α·(g + μ·m), the same
/// step as from the point that the momentum is about to reach (Sutskever et al. 2013).
/// </summary>
public sealed record SgdOptions : OptimizerOptions
{
    /// <summary>Momentum μ in [0, 1). Default 0.9.</summary>
    public float Momentum { get; init; } = 0.9f;

    /// <summary>Whether the momentum is Nesterov's. Default false.</summary>
    public bool Nesterov { get; init; }

    private protected override float Rate => LearningRate ?? 0.05f;

    internal override void Validate()
    {
        base.Validate();
        Guard.Require(Momentum is >= 0 and < 1, nameof(Momentum), Momentum, "in [0, 1)");
    }

    internal override Optimizer Create(Network network, int seed) => new SgdOptimizer(network, this with { LearningRate = Rate });
}

/// <summary>
/// Adam (Kingma and Ba 2015); AdamW (Loshchilov and Hutter 2019) is the same with a <see cref="OptimizerOptions.WeightDecay"/>,
/// often 0.01: <c>new AdamOptions { WeightDecay = 0.01f }</c>.
/// </summary>
public sealed record AdamOptions : OptimizerOptions
{
    /// <summary>Decay of the mean of the gradients, in [0, 1). Default 0.9.</summary>
    public float Beta1 { get; init; } = 0.9f;

    /// <summary>Decay of the mean of the squared gradients, in [0, 1). Default 0.999.</summary>
    public float Beta2 { get; init; } = 0.999f;

    /// <summary>Added to the root of the mean square. Default 1e-8.</summary>
    public float Epsilon { get; init; } = 1e-8f;

    private protected override float Rate => LearningRate ?? 2e-3f;

    internal override void Validate()
    {
        base.Validate();
        Guard.Require(Beta1 is >= 0 and < 1, nameof(Beta1), Beta1, "in [0, 1)");
        Guard.Require(Beta2 is >= 0 and < 1, nameof(Beta2), Beta2, "in [0, 1)");
        Guard.Require(Epsilon > 0, nameof(Epsilon), Epsilon, "positive");
    }

    internal override Optimizer Create(Network network, int seed) => new AdamOptimizer(network, this with { LearningRate = Rate });
}
