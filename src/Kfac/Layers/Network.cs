using Kfac.Kernels;
using Kfac.Parallel;

namespace Kfac.Layers;

/// <summary>
/// A running network: the layers of a <see cref="NetworkSpec"/> with their parameters and the memory for a batch.
/// Neighbouring layers that treat examples alone are run depth-first, one example at a time, so that what one layer
/// writes is still in the core's cache when the next one reads it.
/// </summary>
public sealed class Network
{
    /// <summary>
    /// Into how many slices the sums over a batch's examples are split. A constant, not the number of workers: the order
    /// of additions, and so every bit of the result, is then the same on any machine.
    /// </summary>
    internal const int Slices = 8;

    /// <summary>Examples that go through a run of layers together: few, so that their maps stay in the core's cache.</summary>
    private const int ExamplesAtOnce = 2;

    private readonly Workers _workers;
    private readonly List<Segment> _segments = [];
    private readonly WorkerAction _forwardGroup;
    private readonly WorkerAction _backwardSlice;
    private readonly WorkerAction _prepareLayer;
    private readonly WorkerAction _reduceLayer;
    private Segment _current = null!;
    private int _examples;
    private BackwardQuantities _quantities;
    private int _preparedVersion;

    /// <param name="spec">What to build.</param>
    /// <param name="capacity">Largest number of examples in a batch.</param>
    /// <param name="workers">Who does the work.</param>
    /// <param name="trains">Whether there is to be memory for backward passes.</param>
    /// <param name="store">Parameters to share with a network of the same description; null for parameters of its own.</param>
    internal Network(NetworkSpec spec, int capacity, Workers workers, bool trains, ParameterStore? store = null)
    {
        Spec = spec;
        Capacity = capacity;
        _workers = workers;
        _forwardGroup = ForwardGroup;
        _backwardSlice = BackwardSlice;
        _prepareLayer = (layer, _) => _current.Layers[layer].PrepareParameters(forBackward: LogitsGradient is not null);
        _reduceLayer = (layer, _) => _current.Layers[layer].ReduceSlices(SliceCount, _examples, _quantities);
        Layers = BuildLayers(spec);
        Store = store ?? new ParameterStore();
        foreach (Layer layer in Layers)
        {
            layer.AddParameters(Store);
        }

        (Input, Logits, LogitsGradient) = ConnectLayers(trains);
        DivideIntoSegments();
    }

    /// <summary>The network's description.</summary>
    public NetworkSpec Spec { get; }

    /// <summary>The layers, first to last.</summary>
    public IReadOnlyList<Layer> Layers { get; }

    /// <summary>All trainable arrays, first layer first.</summary>
    public IReadOnlyList<Parameter> Parameters => Store.Parameters;

    /// <summary>Number of trainable values.</summary>
    public int ParameterCount => Parameters.Sum(parameter => parameter.Length);

    /// <summary>Largest number of examples in a batch.</summary>
    public int Capacity { get; }

    internal ParameterStore Store { get; }

    internal Workers Workers => _workers;

    /// <summary>The batch's images; written by whoever calls <see cref="Forward"/>.</summary>
    internal ActivationBuffer Input { get; }

    /// <summary>Class scores [N, classes] of the last forward pass.</summary>
    internal ActivationBuffer Logits { get; }

    /// <summary>d loss / d logits, of the loss summed over the batch; written by whoever calls <see cref="Backward"/>.</summary>
    internal ActivationBuffer? LogitsGradient { get; }

    /// <summary>The parameters of a network, all zero, without the memory to run it.</summary>
    /// <exception cref="OverflowException">There are more than an array can hold.</exception>
    internal static ParameterStore LayOutParameters(NetworkSpec spec)
    {
        var store = new ParameterStore();
        foreach (Layer layer in BuildLayers(spec))
        {
            layer.AddParameters(store);
        }

        return store;
    }

    /// <summary>Draws all parameters anew (He normal weights, zero biases).</summary>
    internal void Initialize(Random random)
    {
        Store.Values.Span.Clear();
        foreach (Layer layer in Layers)
        {
            layer.Initialize(random);
        }

        Store.MarkChanged();
    }

    /// <summary>Takes the first <paramref name="examples"/> examples of <see cref="Input"/> to <see cref="Logits"/>.</summary>
    internal void Forward(int examples)
    {
        _examples = examples;
        bool stale = _preparedVersion != Store.Version;
        _preparedVersion = Store.Version;
        foreach (Segment segment in _segments)
        {
            if (segment.Batch is { } layer)
            {
                layer.Forward(examples, _workers);
                continue;
            }

            _current = segment;
            if (stale)
            {
                _workers.Run(segment.Layers.Length, _prepareLayer);
            }

            _workers.Run((examples + ExamplesAtOnce - 1) / ExamplesAtOnce, _forwardGroup);
        }
    }

    /// <summary>
    /// Takes <see cref="LogitsGradient"/> of the examples of the last forward pass back through the network, leaving the
    /// asked-for quantities in <see cref="Store"/> and every layer's <see cref="Layer.OutputGradient"/> readable.
    /// </summary>
    internal void Backward(BackwardQuantities quantities)
    {
        _quantities = quantities;
        for (int i = _segments.Count - 1; i >= 0; i--)
        {
            if (_segments[i].Batch is { } layer)
            {
                layer.Backward(_examples, _workers, quantities);
                continue;
            }

            _current = _segments[i];
            _workers.Run(SliceCount, _backwardSlice);
            _workers.Run(_current.Layers.Length, _reduceLayer);
        }
    }

    private int SliceCount => Math.Min(Slices, _examples);

    private void ForwardGroup(int group, int worker)
    {
        int first = group * ExamplesAtOnce;
        var range = new ExampleRange(first, Math.Min(first + ExamplesAtOnce, _examples));
        foreach (ExampleLayer layer in _current.Layers)
        {
            layer.Forward(range, worker);
        }
    }

    private void BackwardSlice(int slice, int worker)
    {
        ExampleLayer[] layers = _current.Layers;
        foreach (ExampleLayer layer in layers)
        {
            layer.BeginSlice(slice);
        }

        int slices = SliceCount;
        int end = (int)((long)(slice + 1) * _examples / slices);
        for (int first = (int)((long)slice * _examples / slices); first < end; first += ExamplesAtOnce)
        {
            var range = new ExampleRange(first, Math.Min(first + ExamplesAtOnce, end));
            for (int i = layers.Length - 1; i >= 0; i--)
            {
                layers[i].Backward(range, slice, worker, _quantities);
            }
        }
    }

    private static Layer[] BuildLayers(NetworkSpec spec)
    {
        var layers = new Layer[spec.Layers.Count];
        var counts = new Dictionary<Type, int>();
        ImageShape shape = spec.Input;
        for (int i = 0; i < layers.Length; i++)
        {
            Type kind = spec.Layers[i].GetType();
            counts[kind] = counts.GetValueOrDefault(kind) + 1;
            string name = $"{kind.Name[..^"Spec".Length].ToLowerInvariant()}_{counts[kind]}";
            layers[i] = spec.Layers[i].Build(name, shape);
            shape = spec.Shapes[i];
        }

        FuseRectifiers(layers);
        return layers;
    }

    /// <summary>Lets the neighbours of a rectifier, where they can, do its work while the values are in registers.</summary>
    private static void FuseRectifiers(Layer[] layers)
    {
        for (int i = 1; i < layers.Length; i++)
        {
            switch (layers[i - 1], layers[i])
            {
                case (Conv2D before, Relu relu):
                    relu.IsAppliedBefore = before.RectifiesOutput = true;
                    break;
                case (Dense before, Relu relu):
                    relu.IsAppliedBefore = before.RectifiesOutput = true;
                    break;
                case (Relu relu, Conv2D behind):
                    relu.IsUndoneBehind = behind.InputIsRectified = true;
                    break;
                case (Relu relu, MaxPool2D behind):
                    relu.IsUndoneBehind = behind.InputIsRectified = true;
                    break;
            }
        }
    }

    private (ActivationBuffer Input, ActivationBuffer Logits, ActivationBuffer? LogitsGradient) ConnectLayers(bool trains)
    {
        // Buffer b lies between layer b-1 and layer b.
        ActivationBuffer[] values = Allocate(b => b < Layers.Count ? Layers[b].InputHalo : default, first: 0);
        int first = FirstGradient();
        ActivationBuffer[]? gradients = trains ? Allocate(b => b > first ? Layers[b - 1].OutputGradientHalo : default, first) : null;
        int scratchLength = Layers.Select(layer => layer.ScratchLength).Append(0).Max();
        AlignedBuffer[] scratch = [.. Enumerable.Range(0, _workers.Count).Select(_ => new AlignedBuffer(scratchLength))];
        for (int i = 0; i < Layers.Count; i++)
        {
            Layers[i].Connect(values[i], values[i + 1], gradients?[i], gradients?[i + 1], scratch);
        }

        return (values[0], values[^1], gradients?[^1]);
    }

    /// <summary>The first buffer whose gradient anybody needs: the one behind the first layer with parameters.</summary>
    private int FirstGradient() => 1 + Layers.TakeWhile(layer => layer.Parameters.Count == 0).Count();

    /// <summary>
    /// One buffer for each run of in-place layers, with the largest halo that any reader of the run asks for. A flattening
    /// joins the run only where there is no halo; it copies otherwise.
    /// </summary>
    private ActivationBuffer[] Allocate(Func<int, Halo> haloAt, int first)
    {
        var buffers = new ActivationBuffer[Layers.Count + 1];
        for (int start = first; start < buffers.Length;)
        {
            Halo halo = haloAt(start);
            int end = start + 1;
            for (; end < buffers.Length && Layers[end - 1].WorksInPlace && (Layers[end - 1] is not Flatten || halo == default); end++)
            {
                halo = Larger(halo, haloAt(end));
            }

            buffers[start] = new ActivationBuffer(ShapeAt(start), halo, Capacity);
            for (int b = start + 1; b < end; b++)
            {
                buffers[b] = ShapeAt(b) == ShapeAt(b - 1) ? buffers[b - 1] : buffers[b - 1].Flattened();
            }

            start = end;
        }

        return buffers;
    }

    private static Halo Larger(Halo a, Halo b) =>
        new(Math.Max(a.Top, b.Top), Math.Max(a.Left, b.Left), Math.Max(a.Bottom, b.Bottom), Math.Max(a.Right, b.Right));

    private ImageShape ShapeAt(int buffer) => buffer == 0 ? Spec.Input : Spec.Shapes[buffer - 1];

    private void DivideIntoSegments()
    {
        var run = new List<ExampleLayer>();
        foreach (Layer layer in Layers)
        {
            if (layer is ExampleLayer alone)
            {
                run.Add(alone);
                continue;
            }

            CloseRun();
            _segments.Add(new Segment([], (BatchLayer)layer));
        }

        CloseRun();

        void CloseRun()
        {
            if (run.Count > 0)
            {
                _segments.Add(new Segment([.. run], null));
                run.Clear();
            }
        }
    }

    /// <summary>Either one layer that needs the whole batch, or a run of layers that treat examples alone.</summary>
    private sealed record Segment(ExampleLayer[] Layers, BatchLayer? Batch);
}
