using System.Security.Cryptography;
using Kfac.Images;
using Kfac.Models;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Running;
using Kfac.Tests.Images;
using Kfac.Training;

namespace Kfac.Fuzz;

/// <summary>Model files: as they are, and once more with length and checksum made good.</summary>
internal sealed class ModelTarget : FuzzTarget
{
    /// <summary>One in so many models is trained, but each that has an optimizer's state.</summary>
    private const int TrainedShare = 20;

    private readonly LoadLimits _limits = new(isTimed: false);
    private readonly ModelUse _use = new();

    /// <summary>Small networks that have all kinds of layers between them.</summary>
    public static IReadOnlyList<(string Name, NetworkSpec Spec)> Networks { get; } =
    [
        ("plain", NetworkSpec.For(4, 4, 1).Conv(2, 3).Relu().MaxPool(2).Flatten().Dense(2)),
        ("residual", NetworkSpec.For(4, 4, 2).Residual(body => body.Conv(2, 3).Gelu(), shortcut => shortcut.Conv(2, 1)).GlobalAveragePool().Dense(2)),
        ("normalised", NetworkSpec.For(4, 4, 2).DepthwiseConv(2).BatchNorm().LeakyRelu().GroupNorm(2).AveragePool(2).Dropout().Flatten().Dense(2)),
        ("whitened", NetworkSpec.For(4, 4, 1).Whiten(2, 2).Flatten().Dense(2)),
    ];

    public override FuzzOutcome Run(byte[] file, string what)
    {
        FuzzOutcome outcome = Load(file, what);
        return ChecksummedFile.Model.Repair(file) is { } repaired && !repaired.AsSpan().SequenceEqual(file) ? Load(repaired, what) : outcome;
    }

    public override IEnumerable<(string Name, byte[] File)> Seeds()
    {
        foreach ((string name, NetworkSpec spec) in Networks)
        {
            yield return (name, ModelUse.Save(Untrained(spec)));
        }

        NetworkSpec plain = Networks[0].Spec;
        yield return ("temperature", ModelUse.Save(Untrained(plain, 0.5f)));
        yield return ("views", ModelUse.Save(Untrained(plain, 1, new AveragedViews(Mirrored: true, Shifted: true))));
        foreach (OptimizerOptions optimizer in ModelUse.Optimizers)
        {
            var options = new TrainingOptions { Network = NetworkSpec.For(8, 8, 1).MaxPool(4).Flatten().Dense(3), Optimizer = optimizer, Epochs = 1, Threads = 1 };
            yield return (optimizer.GetType().Name, ModelUse.Save(new ImageClassifierTrainer(options).Fit(SyntheticImages.Create(6, 1), SyntheticImages.Create(3, 2)), withOptimizerState: true));
        }
    }

    /// <summary>Trains one in so many models; the bytes decide, so that a file always runs the same way.</summary>
    public static OptimizerOptions? OptimizerOf(byte[] file, int share = TrainedShare)
    {
        byte[] hash = SHA256.HashData(file);
        return hash[0] % share == 0 ? ModelUse.Optimizers[hash[1] % ModelUse.Optimizers.Count] : null;
    }

    public static ImageClassifier Untrained(NetworkSpec spec, float temperature = 1, AveragedViews views = default) =>
        new(spec, ParameterLayout.Draw(spec, seed: 1), new InputScaling(spec.Input, new float[spec.Input.Channels], [.. Enumerable.Repeat(0.01f, spec.Input.Channels)]), []) { Temperature = temperature, Views = views };

    private FuzzOutcome Load(byte[] file, string what)
    {
        if (!_limits.TryLoad(file.Length, () => ImageClassifier.Load(new MemoryStream(file)), what, out ImageClassifier? model))
        {
            return FuzzOutcome.Refused;
        }

        OptimizerOptions? optimizer = OptimizerOf(file, model!.HasOptimizerState ? 1 : TrainedShare);
        return _use.Use(model, optimizer, what) ? FuzzOutcome.Used : FuzzOutcome.Read;
    }
}
