using Kfac.Layers;
using Kfac.Networks;
using Kfac.Parallel;
using Kfac.Running;

namespace Kfac.Bench;

/// <summary>The networks that the trainer is measured on: S, M and L are plain, P is for photographs, ResNet20 is He et al.'s for CIFAR-10.</summary>
internal static class BenchmarkNetworks
{
    public static readonly string[] Names = ["S", "M", "L", "P", "ResNet20"];

    /// <summary>Multiply-adds for one image by the definition, with so many passes over each layer.</summary>
    public static double MultiplyAdds(Network network, Func<Layer, int> passes) => network.Layers.Sum(layer => passes(layer) * layer switch
    {
        Conv2D conv => conv.Geometry.MultiplyAdds,
        Dense dense => (double)dense.InputShape.Size * dense.Spec.Units,
        _ => 0,
    });

    /// <summary>The network's layers of one kind, without the memory to train them.</summary>
    public static IEnumerable<TLayer> Layers<TLayer>(string name)
        where TLayer : Layer
    {
        using var workers = new Workers(1);
        return new Network(Create(name), capacity: 1, workers, trains: false).Layers.OfType<TLayer>();
    }

    public static NetworkSpec Create(string name) => name switch
    {
        "S" => NetworkSpec.For(28, 28, 1).Conv(32, 5).Relu().MaxPool(2).Conv(64, 5).Relu().MaxPool(2)
            .Flatten().Dense(64).Relu().Dense(10),
        "M" => NetworkSpec.For(28, 28, 1).Conv(32, 3).Relu().Conv(32, 3).Relu().MaxPool(2)
            .Conv(64, 3).Relu().Conv(64, 3).Relu().MaxPool(2).Flatten().Dense(128).Relu().Dense(10),
        "L" => NetworkSpec.For(32, 32, 3).Conv(32, 3).Relu().Conv(32, 3).Relu().MaxPool(2)
            .Conv(64, 3).Relu().Conv(64, 3).Relu().MaxPool(2).Conv(128, 3).Relu().Conv(128, 3).Relu().MaxPool(2)
            .Flatten().Dense(256).Relu().Dense(10),
        "P" => Block(Block(Block(NetworkSpec.For(32, 32, 3).Conv(24, 2, padding: Padding.Valid).Gelu(), 64), 256), 256)
            .MaxPool(3).Flatten().Dense(10),
        "ResNet20" => NetworkSpec.ResNet(new ImageShape(32, 32, 3), classes: 10, blocks: 3),
        _ => throw new ArgumentException($"the networks are {string.Join(", ", Names)}, but '{name}' was asked for"),
    };

    private static NetworkSpec Block(NetworkSpec spec, int channels) => spec
        .Conv(channels, 3, useBias: false).MaxPool(2).BatchNorm().Gelu()
        .Conv(channels, 3, useBias: false).BatchNorm().Gelu();
}
