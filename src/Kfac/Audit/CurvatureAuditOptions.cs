using Kfac.Curvature;

namespace Kfac.Audit;

/// <summary>What <see cref="CurvatureAudit"/> compares, and on how much.</summary>
public sealed record CurvatureAuditOptions
{
    /// <summary>The approximations to be tried on every layer that they can serve. Default all but <see cref="FisherApproximation.Auto"/>.</summary>
    public IReadOnlyList<FisherApproximation> Approximations { get; init; } =
        [FisherApproximation.Diagonal, FisherApproximation.Kronecker, FisherApproximation.Ekfac, FisherApproximation.Full, FisherApproximation.NaiveDiagonal];

    /// <summary>The dampings λ to be tried, positive. Default 0.0003, 0.003, 0.03 and 0.3.</summary>
    public IReadOnlyList<float> Dampings { get; init; } = [3e-4f, 3e-3f, 0.03f, 0.3f];

    /// <summary>Whether <see cref="Dampings"/> are multiples of the mean eigenvalue of a layer's Fisher. Default false.</summary>
    public bool DampingIsRelative { get; init; }

    /// <summary>
    /// How the blocks are estimated. Default <see cref="EstimationMode.Exact"/>, which judges the approximations alone; a
    /// training's own mode judges what that training sees.
    /// </summary>
    public EstimationMode EstimationMode { get; init; } = EstimationMode.Exact;

    /// <summary>
    /// Images in the sample, drawn from the source, at least 1; as many others are drawn to try steps on. Half of the images
    /// each where there are fewer. Default 128.
    /// </summary>
    public int Examples { get; init; } = 128;

    /// <summary>Random vectors that products and inverses are compared on, at least 1. Default 2.</summary>
    public int Vectors { get; init; } = 2;

    /// <summary>
    /// Most products with the exact Fisher for each vector, at least 1. Fewer take less time, and <see cref="BlockCurvature.SolverError"/>
    /// says how exact the inverses still are. Default 48.
    /// </summary>
    public int MaxProducts { get; init; } = 48;

    /// <summary>
    /// An approximation that has to factorise a matrix of more rows is left out for that layer, and the report says so: the
    /// time rises with the cube of them, to minutes for some thousands. At least 1. Default 1000.
    /// </summary>
    public int LargestMatrix { get; init; } = 1000;

    /// <summary>Seed of sample, vectors and sampled labels. Default 1.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>Threads to compute with; 0 takes all processors. Results do not depend on it.</summary>
    public int Threads { get; init; }

    /// <summary>Told of each layer as soon as it is measured, on the thread that audits.</summary>
    public Action<LayerCurvature>? OnLayer { get; init; }

    /// <exception cref="ArgumentException">A setting is out of its range; the message names it.</exception>
    internal void Validate()
    {
        ArgumentNullException.ThrowIfNull(Approximations);
        ArgumentNullException.ThrowIfNull(Dampings);
        Guard.Require(Approximations.Count > 0 && Approximations.All(a => Enum.IsDefined(a) && a != FisherApproximation.Auto), nameof(Approximations), string.Join(", ", Approximations), "approximations other than Auto");
        Guard.Require(Dampings.Count > 0 && Dampings.All(damping => damping > 0 && float.IsFinite(damping)), nameof(Dampings), string.Join(", ", Dampings), "positive and finite numbers");
        Guard.Require(Enum.IsDefined(EstimationMode), nameof(EstimationMode), EstimationMode, "a defined mode");
        Guard.Require(Examples >= 1, nameof(Examples), Examples, "at least 1");
        Guard.Require(Vectors >= 1, nameof(Vectors), Vectors, "at least 1");
        Guard.Require(MaxProducts >= 1, nameof(MaxProducts), MaxProducts, "at least 1");
        Guard.Require(LargestMatrix >= 1, nameof(LargestMatrix), LargestMatrix, "at least 1");
        Guard.Require(Threads >= 0, nameof(Threads), Threads, "0 (all processors) or more");
    }
}
