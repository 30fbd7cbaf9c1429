using Kfac.Curvature;
using Kfac.Layers;

namespace Kfac.Optimizers;

/// <summary>What K-FAC does with the gradient of one layer: the options where they say, else what was tuned for its approximation.</summary>
/// <param name="Exponent">p of (F + λI)^p g.</param>
/// <param name="LearningRate">α.</param>
/// <param name="Damping">λ.</param>
/// <param name="Constraint">How the length of the step is bounded.</param>
/// <param name="NormConstraint">c of all layers together; infinite for none.</param>
/// <param name="WeightDecay">Decoupled weight decay.</param>
/// <param name="FactorUpdatePeriod">Steps between updates of the statistic.</param>
internal sealed record KfacLayerSettings(float Exponent, float LearningRate, float Damping, NormConstraintKind Constraint, float NormConstraint, float WeightDecay, int FactorUpdatePeriod)
{
    // Tuned on images set apart; docs/convergence.md has the commands.
    private static readonly KfacLayerSettings
        DiagonalRoot = new(-0.5f, 6e-3f, 1e-4f, NormConstraintKind.Spectral, 1e-3f, 0.4f, 1),
        DiagonalInverse = new(-1, 0.03f, 0.03f, NormConstraintKind.KullbackLeibler, 3e-4f, 0, 1),
        FactoredRoot = new(-0.5f, 4e-3f, 1e-4f, NormConstraintKind.Spectral, 1e-3f, 0.5f, 4),
        FactoredInverse = new(-1, 0.03f, 0.03f, NormConstraintKind.KullbackLeibler, 1e-3f, 0, 4);

    /// <summary>The settings of <paramref name="layer"/>.</summary>
    public static KfacLayerSettings For(KfacOptions options, Layer layer) => For(options, options.ApproximationOf(layer), layer is BatchNorm or GroupNorm);

    /// <summary>The settings of a layer for which <paramref name="approximation"/> is asked.</summary>
    /// <param name="options">What was asked for.</param>
    /// <param name="approximation">Of the layer.</param>
    /// <param name="isNormalization">Whether it is one: with the exponent -1/2 its scale and shift, of small gradients, have little damping and no norm constraint.</param>
    public static KfacLayerSettings For(KfacOptions options, FisherApproximation approximation, bool isNormalization = false)
    {
        bool isDiagonal = approximation is FisherApproximation.Auto or FisherApproximation.Diagonal or FisherApproximation.NaiveDiagonal;
        bool needsInverse = options.MomentumKind == KfacMomentumKind.QuadraticModel || options.DampingAdaptation != DampingAdaptation.None || options.DampingIsRelative;
        bool isInverse = options.Exponent is { } exponent ? exponent < -0.75f : needsInverse || !isDiagonal || options.Constraint == NormConstraintKind.KullbackLeibler;
        KfacLayerSettings tuned = (isDiagonal, isInverse) switch
        {
            (true, false) => DiagonalRoot with { WeightDecay = options.CourseWeightDecay ?? DiagonalRoot.WeightDecay },
            (true, true) => DiagonalInverse,
            (false, false) => FactoredRoot,
            (false, true) => FactoredInverse,
        };
        tuned = isNormalization && !isInverse ? tuned with { Damping = 1e-6f, NormConstraint = float.PositiveInfinity } : tuned;
        NormConstraintKind constraint = options.Constraint ?? tuned.Constraint;
        bool isQuadratic = options.MomentumKind == KfacMomentumKind.QuadraticModel;
        float learningRate = isQuadratic ? 1 : options.LearningRate ?? tuned.LearningRate;
        return new KfacLayerSettings(
            options.Exponent ?? tuned.Exponent,
            learningRate,
            options.Damping ?? tuned.Damping,
            isQuadratic ? NormConstraintKind.None : constraint,
            isQuadratic || constraint == NormConstraintKind.None ? float.PositiveInfinity : options.NormConstraint ?? tuned.NormConstraint,
            options.WeightDecay ?? Math.Min(tuned.WeightDecay, 1 / learningRate),
            options.FactorUpdatePeriod ?? tuned.FactorUpdatePeriod);
    }
}
