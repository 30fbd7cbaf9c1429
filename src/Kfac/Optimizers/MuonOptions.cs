using Kfac.Running;

namespace Kfac.Optimizers;

/// <summary>
/// Muon (Jordan et al. 2024): m = μ·m + g, w -= α·0.2·√max(F, K)·orth(g + μ·m), where orth(U Σ Vᵀ) ≈ U Vᵀ. It moves the
/// weights of hidden layers, a filter [R, S, C, K] being the matrix [F, K] = [RSC, K]. First and last layer, biases and
/// normalisations are moved by Adam, as its authors advise; the factor before orth gives both updates the same size, so that
/// one learning rate serves both (Liu et al. 2025).
/// </summary>
public sealed record MuonOptions : OptimizerOptions
{
    /// <summary>Momentum μ in [0, 1) of hidden layers' weights. Default 0.95.</summary>
    public float Momentum { get; init; } = 0.95f;

    /// <summary>Adam's decay of the mean of the gradients, in [0, 1). Default 0.9.</summary>
    public float Beta1 { get; init; } = 0.9f;

    /// <summary>Adam's decay of the mean of the squared gradients, in [0, 1). Default 0.95.</summary>
    public float Beta2 { get; init; } = 0.95f;

    /// <summary>Added to Adam's root of the mean square. Default 1e-8.</summary>
    public float Epsilon { get; init; } = 1e-8f;

    private protected override float Rate => LearningRate ?? 3e-3f;

    internal override void Validate()
    {
        base.Validate();
        Guard.Require(Momentum is >= 0 and < 1, nameof(Momentum), Momentum, "in [0, 1)");
        Guard.Require(Beta1 is >= 0 and < 1, nameof(Beta1), Beta1, "in [0, 1)");
        Guard.Require(Beta2 is >= 0 and < 1, nameof(Beta2), Beta2, "in [0, 1)");
        Guard.Require(Epsilon > 0, nameof(Epsilon), Epsilon, "positive");
    }

    internal override Optimizer Create(Network network, int seed) => new MuonOptimizer(network, this with { LearningRate = Rate });
}
