using Kfac.Layers;
using Kfac.Parallel;
using Kfac.Running;

namespace Kfac.Curvature;

/// <summary>
/// The layers whose curvature is estimated, each with its block, and the settings they share
/// (tf.contrib.kfac.layer_collection.LayerCollection).
/// </summary>
public sealed class LayerCollection
{
    /// <summary>Largest covariance that an array holds.</summary>
    private const int MaxMatrixRows = 46_000;

    private readonly List<FisherBlock> _blocks = [];
    private readonly List<FisherFactor> _factors = [];
    private readonly float _emaDecay = 0.95f;

    /// <summary>Decay b of the running average of the statistics, in [0, 1). Default 0.95.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not in [0, 1).</exception>
    public float EmaDecay
    {
        get => _emaDecay;
        init => _emaDecay = value is >= 0 and < 1 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "EmaDecay must be in [0, 1)");
    }

    /// <summary>The form of average and damping. Default <see cref="AveragingConvention.Corrected"/>.</summary>
    public AveragingConvention Averaging { get; init; } = AveragingConvention.Corrected;

    /// <summary>
    /// Whether a block's damping is a multiple of its mean eigenvalue rather than a number of its own; then nothing changes
    /// with the scale of the loss. Default false.
    /// </summary>
    public bool DampingIsRelative { get; init; }

    /// <summary>Curvature of the loss's L2 term, added to the damping. Default 0.</summary>
    internal float L2 { get; init; }

    /// <summary>Most examples of a batch that enter a convolution's covariances; null takes all. Default null.</summary>
    internal int? FactorExamples { get; init; }

    /// <summary>Who goes through the blocks' long arrays; the calling thread unless a network's workers are lent.</summary>
    internal Workers Workers { get; init; } = new(1);

    /// <summary>Who else sees examples of the batch; nobody unless a network's ranks are given.</summary>
    internal Communicator Ranks { get; init; } = Communicator.Solo;

    /// <summary>The blocks, in order of registration.</summary>
    public IReadOnlyList<FisherBlock> Blocks => _blocks;

    /// <summary>Registers every layer of <paramref name="network"/> that has parameters, with the block that <paramref name="choose"/> names for it.</summary>
    /// <exception cref="NotSupportedException">A block cannot serve its layer; the message names both, and what can.</exception>
    internal void RegisterNetwork(Network network, Func<Layer, FisherApproximation> choose)
    {
        foreach (Layer layer in network.Layers.Where(layer => layer.Parameters.Count > 0))
        {
            _ = CreateBlock(layer, choose(layer));
        }
    }

    /// <summary>The running averages of all blocks.</summary>
    internal IReadOnlyList<FisherFactor> Factors => _factors;

    internal void Add(FisherBlock block) => _blocks.Add(block);

    internal void Add(FisherFactor factor) => _factors.Add(factor);

    /// <summary>The one table from a kind of layer and an approximation to the block.</summary>
    internal FisherBlock CreateBlock(Layer layer, FisherApproximation approximation) => (layer, approximation) switch
    {
        (_, FisherApproximation.NaiveDiagonal) => new NaiveDiagonalFB(this, layer),
        (BatchNorm or GroupNorm, _) => new ScaleAndShiftDiagonalFB(this, layer),
        (Conv2D convolution, FisherApproximation.Auto or FisherApproximation.Diagonal) => new ConvDiagonalFB(this, convolution),
        (Conv2D { Spec.Groups: > 1 }, FisherApproximation.Kronecker or FisherApproximation.Ekfac or FisherApproximation.Full) =>
            throw new NotSupportedException($"no {approximation} block serves layer {layer.Name}, a convolution in groups: choose Diagonal or NaiveDiagonal for it"),
        (Conv2D or Dense, FisherApproximation.Kronecker or FisherApproximation.Ekfac) when FactorRows(layer) > MaxMatrixRows =>
            throw new NotSupportedException($"no {approximation} block serves layer {layer.Name}, whose factor would have {FactorRows(layer)} rows, more than {MaxMatrixRows}: choose Diagonal for it"),
        (Conv2D convolution, FisherApproximation.Kronecker) => new ConvKFCBasicFB(this, convolution),
        (Conv2D convolution, FisherApproximation.Ekfac) => new ConvEkfacFB(this, convolution),
        (Dense dense, FisherApproximation.Auto or FisherApproximation.Diagonal) => new FullyConnectedDiagonalFB(this, dense),
        (Dense dense, FisherApproximation.Kronecker) => new FullyConnectedKFACBasicFB(this, dense),
        (Dense dense, FisherApproximation.Ekfac) => new FullyConnectedEkfacFB(this, dense),
        (Conv2D or Dense, FisherApproximation.Full) => new FullFB(this, layer),
        _ => throw new NotSupportedException($"no {approximation} block serves layer {layer.Name} ({layer.GetType().Name})"),
    };

    /// <summary>Rows of the larger of a layer's two covariances.</summary>
    private static int FactorRows(Layer layer) => BlockShape.Of(layer) is { } shape ? Math.Max(shape.PatchLength, shape.Outputs) : 0;
}
