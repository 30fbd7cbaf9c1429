using Kfac.Curvature;
using Kfac.Optimizers;

namespace Kfac.Bench;

/// <summary>The optimizers that are compared, each with its defaults.</summary>
internal static class BenchmarkOptimizers
{
    /// <summary>What AdamW is commonly given, PyTorch's default.</summary>
    private const float AdamWDecay = 0.01f;

    public static readonly string[] Names = ["sgd", "nesterov", "adam", "adamw", "muon", "kfac", "kfac-all", "kfac-natural", "kfac-root", "kfac-kronecker", "kfac-sampled"];

    public static OptimizerOptions Create(string name) => name switch
    {
        "sgd" => new SgdOptions(),
        "nesterov" => new SgdOptions { Nesterov = true },
        "adam" => new AdamOptions(),
        "adamw" => new AdamOptions { WeightDecay = AdamWDecay },
        "muon" => new MuonOptions(),
        "kfac" => new KfacOptions(),
        "kfac-all" => new KfacOptions { DiagonalExamples = null },
        "kfac-natural" => KfacOptions.NaturalGradient,
        "kfac-root" => new KfacOptions { Constraint = NormConstraintKind.KullbackLeibler, Exponent = -0.5f },
        "kfac-kronecker" => new KfacOptions { Approximation = FisherApproximation.Kronecker },
        "kfac-sampled" => new KfacOptions { EstimationMode = EstimationMode.Gradients },
        _ => throw new ArgumentException($"the optimizers are {string.Join(", ", Names)}, but '{name}' was asked for"),
    };
}
