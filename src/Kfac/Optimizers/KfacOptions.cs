using System.Collections.Immutable;
using Kfac.Curvature;
using Kfac.Layers;
using Kfac.Running;

namespace Kfac.Optimizers;

/// <summary>
/// K-FAC: natural gradient with a block-wise approximation of the Fisher (Martens and Grosse 2015;
/// tf.contrib.kfac.optimizer.KfacOptimizer).
/// </summary>
public sealed record KfacOptions : OptimizerOptions
{
    /// <summary>The block of every layer that <see cref="LayerApproximations"/> does not name. Default <see cref="FisherApproximation.Auto"/>.</summary>
    public FisherApproximation Approximation { get; init; } = FisherApproximation.Auto;

    /// <summary>The blocks of single layers, by the layer's name, as in <c>conv2d_1</c>. Default none.</summary>
    public IReadOnlyDictionary<string, FisherApproximation> LayerApproximations { get; init; } = ImmutableDictionary<string, FisherApproximation>.Empty;

    /// <summary>Whose labels the curvature is estimated with. Default <see cref="Curvature.EstimationMode.Empirical"/>, which costs no second backward pass.</summary>
    public EstimationMode EstimationMode { get; init; } = EstimationMode.Empirical;

    /// <summary>
    /// The exponent p in [-1, 0) of (F + λI)^p g. -1 is the natural gradient. -1/2 divides by the root of the curvature, as Adam and
    /// Shampoo do. Null, the default, takes -1/2 for diagonal blocks and -1 for the others; -1 for all with <see cref="DampingIsRelative"/>, a
    /// <see cref="Constraint"/> of <see cref="NormConstraintKind.KullbackLeibler"/>, <see cref="KfacMomentumKind.QuadraticModel"/> or an adapted damping.
    /// </summary>
    public float? Exponent { get; init; }

    /// <summary>Damping λ, positive, in the unit of F's eigenvalues: added to the curvature before the power is taken. Null, the default, takes what was tuned for the block and the exponent: 0.0001 by default, 0.000001 for normalisations.</summary>
    public float? Damping { get; init; }

    /// <summary>Whether <see cref="Damping"/> is a multiple of each block's mean eigenvalue rather than a number of its own; <see cref="Exponent"/> is -1 by default then. Default false.</summary>
    public bool DampingIsRelative { get; init; }

    /// <summary>Whether λ follows how well the quadratic model predicts the loss, after Levenberg and Marquardt. Default <see cref="DampingAdaptation.None"/>.</summary>
    public DampingAdaptation DampingAdaptation { get; init; } = DampingAdaptation.None;

    /// <summary>λ is never adapted to less than this, positive. Null, the default, takes 0.000001, or <see cref="Damping"/> where that is less.</summary>
    public float? MinDamping { get; init; }

    /// <summary>Decay of the running average of the curvature, in [0, 1). Default 0.95.</summary>
    public float EmaDecay { get; init; } = 0.95f;

    /// <summary>The curvature is updated every so many steps; at least 1. Null, the default, takes 1 for diagonal blocks, whose statistic is nearly free, and 4 for the others.</summary>
    public int? FactorUpdatePeriod { get; init; }

    /// <summary>Most examples of a batch that enter a convolution's covariances, at least 1; null takes all. Default 8.</summary>
    public int? FactorExamples { get; init; } = 8;

    /// <summary>
    /// Most examples of a batch whose squared gradients enter the diagonal of a convolution, at least 1; null takes all. The
    /// running average makes up for the others. Default 8.
    /// </summary>
    public int? DiagonalExamples { get; init; } = 8;

    /// <summary>Inverses and eigenvectors of the blocks that have some are computed anew every so many steps; at least 1. Default 100.</summary>
    public int InverseUpdatePeriod { get; init; } = 100;

    /// <summary>
    /// 0 computes the inverses at once, on all threads. A positive number has them computed on another thread while the
    /// training goes on, and puts them to use that many steps later, whenever they were done: the result does not depend
    /// on timing. Less than <see cref="InverseUpdatePeriod"/>. Default 0.
    /// </summary>
    public int InverseDelay { get; init; }

    /// <summary>So many first steps gather curvature and leave the parameters as they are; 0 or more. Default 0.</summary>
    public int BurnInSteps { get; init; }

    /// <summary>Momentum μ in [0, 1), applied as <see cref="MomentumKind"/> says. Default 0.9.</summary>
    public float Momentum { get; init; } = 0.9f;

    /// <summary>What the momentum is applied to, and how. Default <see cref="KfacMomentumKind.Nesterov"/>.</summary>
    public KfacMomentumKind MomentumKind { get; init; } = KfacMomentumKind.Nesterov;

    /// <summary>
    /// How the length of a step is bounded; the quadratic model does without. Null, the default, takes
    /// <see cref="NormConstraintKind.Spectral"/> with the exponent -1/2 and <see cref="NormConstraintKind.KullbackLeibler"/> with -1.
    /// </summary>
    public NormConstraintKind? Constraint { get; init; }

    /// <summary>
    /// Norm constraint c (KL clipping), positive: the preconditioned gradient v is scaled down so that α²·v·g ≤ c, with v·g
    /// standing for vᵀFv (it is that for the exponent -1) and α taken before the schedule's factor. Null, the default, takes what
    /// was tuned for the block and the exponent: 0.001 by default, none for normalisations.
    /// </summary>
    public float? NormConstraint { get; init; }

    /// <summary>
    /// Whether each of the L layers with parameters is held to c / L by itself, so that one with a large gradient does not slow
    /// down the others; false holds all of them to c together, by one factor (tf.contrib.kfac). Default true.
    /// </summary>
    public bool NormConstraintPerLayer { get; init; } = true;

    /// <summary>Form of the running average and the damping. Default <see cref="AveragingConvention.Corrected"/>.</summary>
    public AveragingConvention Averaging { get; init; } = AveragingConvention.Corrected;

    /// <summary>The classical form: natural gradient, step held to a KL bound (Martens and Grosse 2015).</summary>
    public static KfacOptions NaturalGradient { get; } = new() { Exponent = -1, Constraint = NormConstraintKind.KullbackLeibler, DiagonalExamples = 32 };

    /// <summary>Weight decay of diagonal blocks under the exponent -1/2 where <see cref="OptimizerOptions.WeightDecay"/> is null: what suits the length of a training. Null takes 0.4.</summary>
    internal float? CourseWeightDecay { get; init; }

    internal FisherApproximation ApproximationOf(Layer layer) => LayerApproximations.GetValueOrDefault(layer.Name, Approximation);

    private protected override float Rate => LayerApproximations.Values.Append(Approximation).Max(approximation => KfacLayerSettings.For(this, approximation).LearningRate);

    internal override float Decay => KfacLayerSettings.For(this, Approximation).WeightDecay;

    internal override void Validate()
    {
        ArgumentNullException.ThrowIfNull(LayerApproximations);
        base.Validate();
        Guard.Require(Enum.IsDefined(Approximation), nameof(Approximation), Approximation, "a defined approximation");
        foreach ((string layer, FisherApproximation approximation) in LayerApproximations)
        {
            Guard.Require(Enum.IsDefined(approximation), $"{nameof(LayerApproximations)}[{layer}]", approximation, "a defined approximation");
        }

        Guard.Require(Enum.IsDefined(EstimationMode), nameof(EstimationMode), EstimationMode, "a defined mode");
        Guard.Require(Exponent is null or (>= -1 and < 0), nameof(Exponent), Exponent, "in [-1, 0)");
        Guard.Require(Damping is null or (> 0 and < float.PositiveInfinity), nameof(Damping), Damping, "positive and finite");
        Guard.Require(Enum.IsDefined(DampingAdaptation), nameof(DampingAdaptation), DampingAdaptation, "a defined adaptation");
        Guard.Require(MinDamping is null || (MinDamping > 0 && !(MinDamping > Damping)), nameof(MinDamping), MinDamping, "positive and at most Damping");
        Guard.Require(EmaDecay is >= 0 and < 1, nameof(EmaDecay), EmaDecay, "in [0, 1)");
        Guard.Require(FactorUpdatePeriod is null or >= 1, nameof(FactorUpdatePeriod), FactorUpdatePeriod, "at least 1");
        Guard.Require(FactorExamples is null or >= 1, nameof(FactorExamples), FactorExamples ?? 0, "null or at least 1");
        Guard.Require(DiagonalExamples is null or >= 1, nameof(DiagonalExamples), DiagonalExamples ?? 0, "null or at least 1");
        Guard.Require(InverseUpdatePeriod >= 1, nameof(InverseUpdatePeriod), InverseUpdatePeriod, "at least 1");
        Guard.Require(InverseDelay >= 0 && InverseDelay < InverseUpdatePeriod, nameof(InverseDelay), InverseDelay, "0 or more and less than InverseUpdatePeriod");
        Guard.Require(BurnInSteps >= 0, nameof(BurnInSteps), BurnInSteps, "0 or more");
        Guard.Require(Momentum is >= 0 and < 1, nameof(Momentum), Momentum, "in [0, 1)");
        Guard.Require(Enum.IsDefined(MomentumKind), nameof(MomentumKind), MomentumKind, "a defined kind");
        Guard.Require(Constraint is null || Enum.IsDefined(Constraint.Value), nameof(Constraint), Constraint, "a defined kind");
        Guard.Require(NormConstraint is null or > 0, nameof(NormConstraint), NormConstraint, "positive");
        Guard.Require(Enum.IsDefined(Averaging), nameof(Averaging), Averaging, "a defined form");
    }

    internal override Optimizer Create(Network network, int seed) => new KfacOptimizer(network, this, seed);
}

/// <summary>What K-FAC's momentum is applied to.</summary>
public enum KfacMomentumKind
{
    /// <summary>The preconditioned gradient: m = μ·m + v, w -= α·m. (tf.contrib.kfac: "regular".)</summary>
    Regular,

    /// <summary>The preconditioned gradient, a step ahead: m = μ·m + v, w -= α·(v + μ·m) (Sutskever et al. 2013).</summary>
    Nesterov,

    /// <summary>The gradient, which is preconditioned afterwards: m = μ·m + g, w -= α·(F + λI)⁻¹ m. (tf.contrib.kfac: "adam".)</summary>
    Gradient,

    /// <summary>
    /// α and μ of each step minimise the exact quadratic model ½ dᵀ(F + λI)d + gᵀd of the batch over d = -α·v + μ·(last d)
    /// (Martens and Grosse 2015, section 7); the schedule's factor multiplies d, learning rate and momentum are not read.
    /// Four more forward passes a step. (tf.contrib.kfac: "qmodel".)
    /// </summary>
    QuadraticModel,
}

/// <summary>How the length of K-FAC's step is bounded.</summary>
public enum NormConstraintKind
{
    /// <summary>No bound.</summary>
    None,

    /// <summary>By the change of the predictions in KL divergence; see <see cref="KfacOptions.NormConstraint"/>.</summary>
    KullbackLeibler,

    /// <summary>
    /// By its spectral norm: the step of every weight matrix but the last layer's, a filter [R, S, C, K] being [RSC, K], has its
    /// singular values brought to one size, w -= α·0.2·√max(side)·orth(d) (Jordan et al. 2024). Everything else, and what enters the
    /// momentum, is held to the KL bound.
    /// </summary>
    Spectral,
}

/// <summary>Whether damping changes in the course of a training.</summary>
public enum DampingAdaptation
{
    /// <summary>It stays, unless a step has to be taken back.</summary>
    None,

    /// <summary>
    /// Every fifth step, the ratio ρ of the batch's change of loss to what the exact quadratic model ½ dᵀFd + gᵀd predicted for
    /// the step d is measured: λ becomes 0.95⁵·λ where ρ &gt; 3/4, and λ / 0.95⁵ where ρ &lt; 1/4 (Martens and Grosse 2015,
    /// section 6.5). While the first measurements all point the same way, λ changes tenfold, which calibrates it.
    /// </summary>
    LevenbergMarquardt,
}
