using Kfac.Curvature;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Parallel;
using Kfac.Running;

namespace Kfac.Audit;

/// <summary>Which block of the Fisher information K-FAC keeps for each layer of a network.</summary>
public static class FisherBlocks
{
    /// <summary>Layer names, as in <c>conv2d_1</c>, and the names of their blocks, as in <c>ConvDiagonalFB</c>, for the layers with parameters.</summary>
    /// <param name="spec">The network.</param>
    /// <param name="options">The optimizer's settings; null for the defaults.</param>
    /// <exception cref="ArgumentException">A setting is out of its range; the message names it.</exception>
    /// <exception cref="NotSupportedException">A block that the settings ask for cannot serve its layer.</exception>
    public static IReadOnlyDictionary<string, string> Of(NetworkSpec spec, KfacOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(spec);
        options ??= new KfacOptions();
        options.Validate();
        using var workers = new Workers(1);
        var network = new Network(spec, 1, workers, trains: true);
        var layers = new LayerCollection();
        layers.RegisterNetwork(network, options.ApproximationOf);
        return network.Layers.Where(layer => layer.Parameters.Count > 0)
            .Zip(layers.Blocks, (layer, block) => (layer.Name, Block: block.GetType().Name))
            .ToDictionary(pair => pair.Name, pair => pair.Block);
    }
}
