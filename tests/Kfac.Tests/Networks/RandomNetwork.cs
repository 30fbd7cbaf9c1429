using Kfac.Fuzz;
using Kfac.Networks;

namespace Kfac.Tests.Networks;

/// <summary>
/// Networks drawn at random: every kind of layer with every setting, maps of 1 to 40 pixels and channels, residual blocks within
/// each other. Layers that the description refuses are drawn again. A normalisation's epsilon is at least 1e-3: behind a map that
/// never changes, a smaller one would make numbers of the rounding.
/// </summary>
internal sealed class RandomNetwork
{
    private const int MaxSize = 40, MaxLayers = 9, MaxDepth = 2;

    private readonly Random _random;

    private RandomNetwork(int seed) => _random = new Random(seed);

    /// <summary>The network that belongs to <paramref name="seed"/>, for 2 to 6 classes.</summary>
    public static NetworkSpec Create(int seed)
    {
        var generator = new RandomNetwork(seed);
        ImageShape input = generator.Shape();
        NetworkSpec spec = generator.Extend(new NetworkSpec(input, []), generator._random.Next(MaxLayers), depth: 0);
        return generator.End(spec, generator._random.Next(2, 7));
    }

    private ImageShape Shape()
    {
        ImageShape shape;
        do
        {
            shape = Chance(0.15) ? ImageShape.Flat(Size()) : new ImageShape(Size(), Size(), Size());
        }
        while (shape.Size > SmallNetwork.MaxValues / 2);
        return shape;
    }

    private NetworkSpec Extend(NetworkSpec spec, int layers, int depth)
    {
        for (int i = 0; i < layers; i++)
        {
            spec = TryAdd(spec, net => Draw(net, depth));
        }

        return spec;
    }

    /// <summary><paramref name="spec"/> with what <paramref name="add"/> adds, or as it is where that is refused or too large.</summary>
    private static NetworkSpec TryAdd(NetworkSpec spec, Func<NetworkSpec, NetworkSpec> add)
    {
        try
        {
            NetworkSpec longer = add(spec);
            return SmallNetwork.IsSmall(longer) ? longer : spec;
        }
        catch (ArgumentException)
        {
            return spec;
        }
    }

    private NetworkSpec Draw(NetworkSpec net, int depth) => _random.Next(18) switch
    {
        0 or 1 or 2 => net.Add(Convolution(net.Output)),
        3 => net.DepthwiseConv(_random.Next(1, 5), _random.Next(1, 3), Padding(), _random.Next(1, 3), Chance(0.7)),
        4 => net.Add(new MaxPool2DSpec(Small(), Small(), Small(), Small())),
        5 => net.Add(new AveragePool2DSpec(Small(), Small(), Small(), Small())),
        6 => net.Output.IsFlat ? net.Add(new DenseSpec(Size(), Chance(0.7))) : net.Flatten().Add(new DenseSpec(Size(), Chance(0.7))),
        7 => Chance(0.5) ? net.GlobalAveragePool() : net.Flatten(),
        8 or 9 or 10 => net.Relu(),
        11 => net.LeakyRelu(0.05f + 0.9f * _random.NextSingle()),
        12 => net.Gelu(),
        13 => net.Dropout(0.9f * _random.NextSingle()),
        14 => net.BatchNorm(0.99f * _random.NextSingle(), Chance(0.5) ? 1e-3f : 0.1f),
        15 => net.GroupNorm(Divisor(net.Output.Channels), Chance(0.5) ? 1e-3f : 0.1f),
        _ => depth < MaxDepth ? Residual(net, depth) : net.Relu(),
    };

    private NetworkSpec Residual(NetworkSpec net, int depth)
    {
        int layers = _random.Next(4), filters = Size(), kernel = _random.Next(1, 5), stride = _random.Next(1, 3);
        return _random.Next(4) switch
        {
            0 => net.Residual(body => Extend(body.Relu(), layers, depth + 1)),
            1 => net.Residual(body => Same(Extend(body, layers, depth + 1), net.Output)),
            2 => net.Residual(body => Extend(body, layers, depth + 1).Flatten().Dense(filters), shortcut => Extend(shortcut, 1, depth + 1).Flatten().Dense(filters)),
            _ => net.Residual(body => Same(body.Conv(filters, kernel, stride), net.Output), shortcut => Chance(0.5) ? shortcut.Conv(filters, _random.Next(1, 4), stride) : shortcut.AveragePool(stride).Conv(filters, 1)),
        };

        NetworkSpec Same(NetworkSpec branch, ImageShape wanted) =>
            branch.Output.IsFlat && wanted.IsFlat ? branch.Dense(wanted.Channels) : branch.Conv(wanted.Channels, _random.Next(1, 4));
    }

    private NetworkSpec End(NetworkSpec spec, int classes)
    {
        NetworkSpec ended = spec.Output.IsFlat ? spec.Dense(classes) : _random.Next(4) switch
        {
            0 => spec.GlobalAveragePool().Dense(classes),
            1 => TryAdd(spec, net => net.Add(new Conv2DSpec(classes, net.Output.Height, net.Output.Width, Padding: Kfac.Networks.Padding.Valid))),
            2 => TryAdd(spec, net => net.Add(new Conv2DSpec(Small(), net.Output.Height, net.Output.Width, Padding: Kfac.Networks.Padding.Valid)).Dense(classes)),
            _ => spec,
        };
        ended = ended.Output == ImageShape.Flat(classes) ? ended : spec.Flatten().Dense(classes);
        return Chance(0.2) ? Extend(ended.Relu(), 0, MaxDepth) : Chance(0.1) ? ended.BatchNorm() : ended;
    }

    private Conv2DSpec Convolution(ImageShape input)
    {
        int groups = Chance(0.7) ? 1 : Divisor(input.Channels), filters = Size();
        return new Conv2DSpec(
            Math.Max(1, filters / groups) * groups, _random.Next(1, 6), _random.Next(1, 6), Small(), Small(), Padding(), Chance(0.7),
            Chance(0.8) ? 1 : _random.Next(2, 4), Chance(0.8) ? 1 : _random.Next(2, 4), groups);
    }

    private Padding Padding() => (Padding)_random.Next(3);

    /// <summary>1 to 40, most of them small.</summary>
    private int Size() => Chance(0.6) ? _random.Next(1, 9) : _random.Next(1, MaxSize + 1);

    /// <summary>1 to 3, most of them 1.</summary>
    private int Small() => Chance(0.5) ? 1 : _random.Next(1, 4);

    private int Divisor(int number)
    {
        int[] divisors = [.. Enumerable.Range(1, number).Where(d => number % d == 0)];
        return divisors[_random.Next(divisors.Length)];
    }

    private bool Chance(double probability) => _random.NextDouble() < probability;

}
