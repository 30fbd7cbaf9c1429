using Kfac.Curvature;
using Kfac.Images;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Tests.Images;
using Kfac.Training;

namespace Kfac.Killable;

/// <summary>Trainings that use everything a checkpoint has to remember.</summary>
internal static class Trainings
{
    /// <summary>For each optimizer and block, with inverses that are computed at once, in the background, or wait for their step.</summary>
    private static readonly Dictionary<string, OptimizerOptions> Optimizers = new()
    {
        ["diagonal"] = new KfacOptions { Approximation = FisherApproximation.Diagonal, FactorUpdatePeriod = 3 },
        ["kronecker"] = new KfacOptions { Approximation = FisherApproximation.Kronecker, InverseUpdatePeriod = 5, InverseDelay = 3 },
        ["ekfac"] = new KfacOptions { Approximation = FisherApproximation.Ekfac, InverseUpdatePeriod = 4, InverseDelay = 2, EstimationMode = EstimationMode.Gradients },
        ["full"] = new KfacOptions { Approximation = FisherApproximation.Full, InverseUpdatePeriod = 7 },
        ["sampled"] = new KfacOptions { EstimationMode = EstimationMode.CurvaturePropagation, MomentumKind = KfacMomentumKind.QuadraticModel, DampingAdaptation = DampingAdaptation.LevenbergMarquardt },
        ["adam"] = new AdamOptions { LearningRate = 5e-3f },
        ["sgd"] = new SgdOptions { Nesterov = true },
        ["muon"] = new MuonOptions(),
    };

    public static TrainingOptions Named(string name) => new()
    {
        Network = NetworkSpec.For(8, 8, 1).Conv(4, 3).BatchNorm().Relu().MaxPool(2).Residual(body => body.Conv(4, 3)).Flatten().Dropout(0.1f).Dense(12).Relu().Dense(SyntheticImages.Classes),
        Optimizer = Optimizers[name],
        Augmentation = new AugmentationOptions { Shift = 0.1 },
        EarlyStopping = new EarlyStopping(Patience: 50),
        Epochs = 8,
        BatchSize = 16,
        Seed = 3,
        Threads = 1,
    };
}
