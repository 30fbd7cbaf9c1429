using Kfac.Layers;
using Kfac.Networks;

namespace Kfac.Running;

/// <summary>A layer with the edges before and behind it; a <see cref="ResidualJunction"/> has the shortcut's edge besides.</summary>
internal readonly record struct Node(Layer Layer, int In, int Out, int Shortcut = -1);

/// <summary>
/// A network's layers in the order they run, residual blocks taken apart (fork, body, shortcut, add), and the edges
/// between them. An edge is one map per example: written by one layer, read by one.
/// </summary>
internal sealed class NetworkGraph
{
    private readonly List<Node> _nodes = [];
    private readonly List<Layer> _layers = [];
    private readonly bool _folds;
    private int _layersToFreeze;
    private readonly List<ImageShape> _edges = [];
    private readonly LayerNames _names = new();

    /// <param name="spec">The network.</param>
    /// <param name="predicts">Whether it will only predict: a batch normalisation then goes into the convolution right before it.</param>
    /// <param name="frozenLayers">So many layers with parameters, the first ones, keep them besides those whose description says so.</param>
    public NetworkGraph(NetworkSpec spec, bool predicts = false, int frozenLayers = 0)
    {
        _folds = predicts;
        _layersToFreeze = frozenLayers;
        Output = AddLayers(spec.Layers, AddEdge(spec.Input));
        FuseRelus();
    }

    public IReadOnlyList<Node> Nodes => _nodes;

    /// <summary>All layers whose parameters there are: those of the nodes, and those folded into others.</summary>
    public IReadOnlyList<Layer> Layers => _layers;

    /// <summary>Shape of one example on each edge; edge 0 is the network's input.</summary>
    public IReadOnlyList<ImageShape> Edges => _edges;

    /// <summary>The edge of the network's output.</summary>
    public int Output { get; }

    private int AddLayers(IReadOnlyList<LayerSpec> layers, int edge)
    {
        foreach (LayerSpec spec in layers)
        {
            edge = spec is ResidualSpec residual ? AddResidual(residual, edge) : AddLayer(spec, edge);
        }

        return edge;
    }

    private int AddLayer(LayerSpec spec, int edge)
    {
        Layer layer = LayerFactory.Create(spec, _names.Next(spec), _edges[edge]);
        layer.IsFrozen = spec is Conv2DSpec { IsFrozen: true } || (spec.HasParameters && _layersToFreeze-- > 0);
        if (_folds && layer is BatchNorm norm && _nodes.LastOrDefault() is { Layer: Conv2D { HasFolded: false } before } last && last.Out == edge)
        {
            before.Fold(norm);
            _layers.Add(norm);
            return edge;
        }

        int output = AddEdge(layer.OutputShape);
        AddNode(new Node(layer, edge, output));
        return output;
    }

    private int AddResidual(ResidualSpec residual, int edge)
    {
        int bodyStart = AddEdge(_edges[edge]), shortcutStart = AddEdge(_edges[edge]);
        AddNode(new Node(new ResidualFork(_names.Next("Fork"), _edges[edge]), edge, bodyStart, shortcutStart));
        int body = AddLayers(residual.Body, bodyStart), shortcut = AddLayers(residual.Shortcut, shortcutStart), output = AddEdge(_edges[body]);
        AddNode(new Node(new ResidualAdd(_names.Next("Add"), _edges[body]), body, output, shortcut));
        return output;
    }

    private void AddNode(Node node)
    {
        _nodes.Add(node);
        _layers.Add(node.Layer);
    }

    private int AddEdge(ImageShape shape)
    {
        _edges.Add(shape);
        return _edges.Count - 1;
    }

    /// <summary>Lets the neighbours of a ReLU, where they can, do its work while the values are in registers.</summary>
    private void FuseRelus()
    {
        for (int i = 1; i < _nodes.Count; i++)
        {
            if (_nodes[i - 1].Out != _nodes[i].In)
            {
                continue;
            }

            switch (_nodes[i - 1].Layer, _nodes[i].Layer)
            {
                case (Conv2D before, Relu relu):
                    relu.IsAppliedBefore = before.AppliesRelu = true;
                    break;
                case (Dense before, Relu relu):
                    relu.IsAppliedBefore = before.AppliesRelu = true;
                    break;
                case (BatchNorm before, Relu relu):
                    relu.IsAppliedBefore = before.AppliesRelu = true;
                    break;
                case (Relu relu, Conv2D behind):
                    relu.IsUndoneBehind = behind.InputIsRelu = true;
                    break;
                case (Relu relu, MaxPool2D behind):
                    relu.IsUndoneBehind = behind.InputIsRelu = true;
                    break;
            }
        }
    }
}
