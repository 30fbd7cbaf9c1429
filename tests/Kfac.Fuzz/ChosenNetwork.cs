using System.Text.Json;
using System.Text.Json.Serialization;
using Kfac.Networks;

namespace Kfac.Fuzz;

/// <summary>
/// Bytes as choices of a network: whether it ends as a classifier, the input, and for each layer its kind and settings. Damage to
/// JSON is mostly refused as such; any change of a choice gives another description.
/// </summary>
internal sealed class ChosenNetwork
{
    /// <summary>Layers in a list, blocks within each other as a <see cref="ResidualSpec"/> may have them, and the largest usual number.</summary>
    private const int MaxLayers = 7, MaxDepth = 16, MaxUsual = 12;

    private static readonly int[] Unusual = [-1, int.MinValue, 16, 64, 255, 1023, 1024, 1025, 4096, 65_536, 1 << 20, 1 << 24, 1 << 28, int.MaxValue - 1, int.MaxValue, 100];

    private static readonly float[] UnusualReals = [0, 1, -1, 2, 1e-30f, 1e30f, float.Epsilon, float.MaxValue];

    private static readonly JsonSerializerOptions Format = new() { Converters = { new JsonStringEnumConverter() } };

    private readonly byte[] _choices;
    private int _at;

    private ChosenNetwork(byte[] choices) => _choices = choices;

    /// <summary>The description, as <see cref="NetworkSpec.ToJson"/> has them, of a network that may be none. After the last byte all choices are 0.</summary>
    public static string Describe(byte[] choices)
    {
        var network = new ChosenNetwork(choices);
        bool isClassifier = network.Flag();
        var input = new Shape(network.Number(), network.Number(), network.Number());
        LayerSpec[] layers = network.Layers(depth: 0);
        return JsonSerializer.Serialize(new Description(input, isClassifier ? [.. layers, new GlobalAveragePoolSpec(), new DenseSpec(2)] : layers), Format);
    }

    private LayerSpec[] Layers(int depth)
    {
        var layers = new LayerSpec[Next() % (MaxLayers + 1)];
        for (int i = 0; i < layers.Length; i++)
        {
            layers[i] = Layer(depth);
        }

        return layers;
    }

    private LayerSpec Layer(int depth) => (Next() % 13) switch
    {
        0 => new ReluSpec(),
        1 => new Conv2DSpec(Number(), Number(), Number(), Number(), Number(), (Padding)(Next() % 3), Flag(), Number(), Number(), Number()) { Initialization = (FilterInitialization)(Next() % 3), IsFrozen = Flag() },
        2 => new DenseSpec(Number(), Flag()),
        3 => new MaxPool2DSpec(Number(), Number(), Number(), Number()),
        4 => new AveragePool2DSpec(Number(), Number(), Number(), Number()),
        5 => new GlobalAveragePoolSpec(),
        6 => new FlattenSpec(),
        7 => new LeakyReluSpec(Real()),
        8 => new GeluSpec(),
        9 => new DropoutSpec(Real()),
        10 => new BatchNormSpec(Real(), Real()),
        11 => new GroupNormSpec(Number(), Real()),
        _ => depth < MaxDepth ? new ResidualSpec([Layer(depth + 1), .. Layers(depth + 1)], Layers(depth + 1)) : new ReluSpec(),
    };

    private byte Next() => _at < _choices.Length ? _choices[_at++] : (byte)0;

    private bool Flag() => Next() % 2 != 0;

    /// <summary>Mostly 1 to 12.</summary>
    private int Number()
    {
        int choice = Next(), unusual = choice - (256 - Unusual.Length);
        return unusual < 0 ? 1 + choice % MaxUsual : Unusual[unusual];
    }

    /// <summary>Mostly above 0 and below 1.</summary>
    private float Real()
    {
        int choice = Next(), unusual = choice - (256 - UnusualReals.Length);
        return unusual < 0 ? (choice + 1) / 256f : UnusualReals[unusual];
    }

    private sealed record Shape(int Height, int Width, int Channels);

    private sealed record Description(Shape Input, IReadOnlyList<LayerSpec> Layers);
}
