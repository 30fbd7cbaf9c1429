using Kfac.Layers;
using Kfac.Parallel;

namespace Kfac.Fisher;

/// <summary>
/// The layers whose curvature is estimated, each with its block, and the settings they share
/// (tf.contrib.kfac.layer_collection.LayerCollection).
/// </summary>
public sealed class LayerCollection
{
    private readonly List<FisherBlock> _blocks = [];
    private readonly float _emaDecay = 0.95f;

    /// <summary>Decay b of the running average of the statistics, in [0, 1). Default 0.95.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not in [0, 1).</exception>
    public float EmaDecay
    {
        get => _emaDecay;
        init => _emaDecay = value is >= 0 and < 1 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "EmaDecay must be in [0, 1)");
    }

    /// <summary>The form of average and damping. Default <see cref="FisherForm.Corrected"/>.</summary>
    public FisherForm Form { get; init; } = FisherForm.Corrected;

    /// <summary>Who goes through the blocks' long arrays; the calling thread unless a network's workers are lent.</summary>
    internal Workers Workers { get; init; } = new(1);

    /// <summary>The blocks, in order of registration.</summary>
    public IReadOnlyList<FisherBlock> Blocks => _blocks;

    /// <summary>Registers every layer of <paramref name="network"/> that has parameters, with the block for its kind.</summary>
    internal void RegisterNetwork(Network network)
    {
        foreach (Layer layer in network.Layers.Where(layer => layer.Parameters.Count > 0))
        {
            _ = CreateBlock(layer);
        }
    }

    internal void Add(FisherBlock block) => _blocks.Add(block);

    /// <summary>The one table from a kind of layer to its block.</summary>
    private FisherBlock CreateBlock(Layer layer) => layer switch
    {
        Conv2D convolution => new ConvDiagonalFB(this, convolution),
        Dense dense => new FullyConnectedDiagonalFB(this, dense),
        _ => throw new NotSupportedException($"no Fisher block serves layer {layer.Name} ({layer.GetType().Name})"),
    };
}
