using System.Diagnostics;
using Kfac.Kernels;
using Kfac.Layers;
using Kfac.Memory;
using Kfac.Networks;
using Kfac.Parallel;

namespace Kfac.Running;

/// <summary>
/// A running network: the layers of a <see cref="NetworkSpec"/> with their parameters and the memory for a batch.
/// Neighbouring layers that treat examples alone are run depth-first, one example at a time, so that what one layer
/// writes is still in the core's cache when the next one reads it.
/// </summary>
internal sealed class Network
{
    private readonly Workers _workers;
    private readonly Communicator _ranks;
    private readonly Layer[] _layers;

    /// <summary>The same and those whose work others do.</summary>
    private readonly IReadOnlyList<Layer> _parameterLayers;

    private readonly Segment[] _segments;

    /// <summary>The first segment of which a layer needs a gradient.</summary>
    private readonly int _firstTrained;
    private readonly Prefetcher[] _prefetchers;
    private readonly TransientGradient[] _transientGradients;
    private readonly WorkerAction _beforeForward, _afterForward, _beforeBackward, _afterBackward;
    private readonly WorkerAction _forwardGroup;
    private readonly WorkerAction _backwardSlice;
    private readonly WorkerAction _prepareLayer;
    private readonly WorkerAction _averageLayer;
    private readonly DeterministicReduction _reduction;
    private readonly RankReduction _rankReduction;
    private Segment _current = null!;
    private BatchPartition _batch;
    private BackwardQuantities _quantities;
    private int _preparedVersion;

    /// <param name="spec">What to build.</param>
    /// <param name="capacity">Largest number of examples in a batch.</param>
    /// <param name="workers">Who does the work.</param>
    /// <param name="trains">Whether there is to be memory for backward passes.</param>
    /// <param name="store">Parameters to share with a network of the same description; null for parameters of its own.</param>
    /// <param name="ranks">The ranks among whom batches are divided; null for this process alone.</param>
    /// <param name="frozenLayers">So many layers with parameters, the first ones, keep them.</param>
    internal Network(NetworkSpec spec, int capacity, Workers workers, bool trains, ParameterStore? store = null, Communicator? ranks = null, int frozenLayers = 0)
    {
        FrozenLayers = frozenLayers;
        Spec = spec;
        Capacity = capacity;
        _workers = workers;
        _ranks = ranks ?? Communicator.Solo;
        _beforeForward = (i, worker) => _current.Batch!.BeforeForward(_batch.Own.First + i, worker);
        _afterForward = (i, worker) => _current.Batch!.AfterForward(_batch.Own.First + i, worker);
        _beforeBackward = (i, worker) => _current.Batch!.BeforeBackward(_batch.Own.First + i, worker);
        _afterBackward = (i, worker) => _current.Batch!.AfterBackward(_batch.Own.First + i, worker);
        _forwardGroup = ForwardGroup;
        _backwardSlice = BackwardSlice;
        _prepareLayer = (layer, _) => _current.Layers[layer].PrepareParameters(forBackward: LogitsGradient is not null);
        _averageLayer = (layer, _) => _current.Layers[layer].AverageSlices(_batch.Examples, _quantities);
        int sliceSlots = BatchPartition.MaxSlicesOfRank(capacity, _ranks.Size);
        _reduction = new DeterministicReduction(sliceSlots, AddSlice);
        var graph = new NetworkGraph(spec, predicts: !trains, frozenLayers);
        _layers = [.. graph.Nodes.Select(node => node.Layer)];
        _parameterLayers = graph.Layers;
        Store = store ?? new ParameterStore();
        List<Parameter> frozen = [];
        foreach (Layer layer in _parameterLayers)
        {
            int known = Store.Parameters.Count;
            layer.AddParameters(Store);
            frozen.AddRange(layer.IsFrozen ? Store.Parameters.Skip(known) : []);
        }

        FrozenParameters = frozen;

        Parameters = [.. Store.Parameters.Where(parameter => parameter.Kind != ParameterKind.Statistic)];
        _segments = Segment.Divide(_layers, capacity, workers.Count);
        var memory = new MemoryPlan(graph, _segments, capacity, trains);
        _transientGradients = memory.TransientGradients;
        (Input, Logits, LogitsGradient) = (memory.Values[0]!, memory.Values[graph.Output]!, memory.Gradients[graph.Output]);
        ConnectLayers(graph, memory, sliceSlots);
        _firstTrained = Array.FindIndex(_segments, segment => segment.Batch?.OutputGradient is not null || Array.Exists(segment.Layers, layer => layer.OutputGradient is not null));
        int maxPrefetches = _segments.Max(segment => segment.Prefetch?.MaxMaps ?? 0);
        _prefetchers = [.. Enumerable.Range(0, workers.Count).Select(_ => new Prefetcher(maxPrefetches))];
        ExampleLayer[] alone = [.. _segments.SelectMany(segment => segment.Layers)];
        var batchScratch = new AlignedBuffer(trains ? alone.Select(layer => layer.BatchScratchLength(capacity)).Append(0).Max() : 0);
        foreach (ExampleLayer layer in alone)
        {
            (layer.Prefetchers, layer.BatchScratch) = (_prefetchers, batchScratch);
        }

        _rankReduction = new RankReduction(alone, Store);
    }

    /// <summary>The network's description.</summary>
    public NetworkSpec Spec { get; }

    /// <summary>The layers in the order they run; of a residual block the fork, the body, the shortcut and the add.</summary>
    public IReadOnlyList<Layer> Layers => _layers;

    /// <summary>All trainable arrays, first layer first.</summary>
    public IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>The arrays of frozen layers, running statistics included; none where another network shared its store.</summary>
    internal IReadOnlyList<Parameter> FrozenParameters { get; }

    /// <summary>Number of trainable values.</summary>
    public int ParameterCount => Parameters.Sum(parameter => parameter.Length);

    /// <summary>Largest number of examples in a batch.</summary>
    public int Capacity { get; }

    /// <summary>How many layers with parameters, the first ones, keep them besides those whose description says so.</summary>
    internal int FrozenLayers { get; }

    internal ParameterStore Store { get; }

    internal Workers Workers => _workers;

    /// <summary>The ranks among whom batches are divided.</summary>
    internal Communicator Ranks => _ranks;

    /// <summary>The batch's images, of which this rank needs its own; written by whoever calls <see cref="Forward"/>.</summary>
    internal ActivationBuffer Input { get; }

    /// <summary>Class scores [N, classes] of the last forward pass, on every rank of all examples.</summary>
    internal ActivationBuffer Logits { get; }

    /// <summary>d loss / d logits, of the loss summed over the batch; written by whoever calls <see cref="Backward"/>.</summary>
    internal ActivationBuffer? LogitsGradient { get; }

    /// <summary>Draws all parameters anew (He normal weights, zero biases, normalisations that change nothing).</summary>
    internal void Initialize(int seed)
    {
        ParameterLayout.Draw(_parameterLayers, Store, seed);
    }

    /// <summary>How many forward passes of the training there have been; to be set where a training goes on.</summary>
    internal long TrainingPasses { get; set; }

    /// <summary>
    /// The last training pass once more, for parameters that have changed: the same values are dropped. Running statistics
    /// take the batch in again; whoever compares parameters puts them back.
    /// </summary>
    internal void RepeatForward()
    {
        TrainingPasses--;
        Forward(_batch.Examples, isTraining: true);
    }

    /// <summary>Takes the first <paramref name="examples"/> examples of <see cref="Input"/> to <see cref="Logits"/>.</summary>
    /// <param name="examples">How many.</param>
    /// <param name="isTraining">Whether layers are to do what they only do in training: normalise by the batch, drop values.</param>
    internal void Forward(int examples, bool isTraining = false)
    {
        Debug.Assert(!isTraining || !_layers.Any(layer => layer is Conv2D { HasFolded: true }), "a folded normalisation has no batch statistics");
        _batch = new BatchPartition(examples, _ranks);
        var pass = new ForwardPass(isTraining, isTraining ? TrainingPasses++ : 0);
        foreach (Layer layer in _layers)
        {
            layer.BeginForward(pass);
        }

        bool stale = _preparedVersion != Store.Version;
        _preparedVersion = Store.Version;
        foreach (Segment segment in _segments)
        {
            _current = segment;
            if (segment.Batch is { } layer)
            {
                RunExamples(layer, segment.HasRunBefore, _beforeForward);
                layer.Forward(_batch, _workers);
                RunExamples(layer, segment.HasRunBehind, _afterForward);
                continue;
            }

            if (stale)
            {
                _workers.Run(segment.Layers.Length, _prepareLayer);
            }

            int together = ForwardTogether;
            _workers.Run((_batch.Own.Count + together - 1) / together, _forwardGroup);
        }

        MapExchange.Gather(Logits, _batch, _batch.Examples);
    }

    /// <summary>
    /// Takes <see cref="LogitsGradient"/> of the examples of the last forward pass back through the network, leaving the
    /// asked-for quantities in <see cref="Store"/>.
    /// </summary>
    /// <param name="quantities">What is asked for.</param>
    /// <param name="examplesRead">
    /// Of how many examples, the first ones, output gradients are asked for at layers that treat examples alone: fewer take less
    /// of the memory's bandwidth. Null for all.
    /// </param>
    internal void Backward(BackwardQuantities quantities, int? examplesRead = null)
    {
        _quantities = quantities;
        foreach ((ActivationBuffer gradient, int together) in _transientGradients)
        {
            gradient.Retain(quantities.HasFlag(BackwardQuantities.OutputGradients) ? EndOfRange(examplesRead ?? _batch.Examples, together) : 0);
        }

        for (int i = _segments.Length - 1; i >= _firstTrained; i--)
        {
            _current = _segments[i];
            if (_current.Batch is { } layer)
            {
                RunExamples(layer, _current.HasRunBehind, _beforeBackward);
                layer.Backward(_batch, _workers, quantities);
                RunExamples(layer, _current.HasRunBefore, _afterBackward);
                continue;
            }

            _reduction.Begin();
            _workers.Run(_batch.EndSlice - _batch.FirstSlice, _backwardSlice);
            foreach (ExampleLayer alone in _current.Layers)
            {
                alone.BackwardBatch(_batch, _workers, quantities);
            }
        }

        _rankReduction.Run(_batch, quantities);
        foreach (Segment segment in _segments)
        {
            _current = segment;
            _workers.Run(segment.Layers.Length, _averageLayer);
        }
    }

    /// <summary>What a layer does with each example alone, unless a run of layers does it.</summary>
    private void RunExamples(BatchLayer layer, bool isDoneByRun, WorkerAction part)
    {
        if (layer.HasExampleParts && !isDoneByRun)
        {
            _workers.Run(_batch.Own.Count, part);
        }
    }

    /// <summary>Examples that go forward together: fewer than the run takes where some workers would have none.</summary>
    private int ForwardTogether => Math.Clamp((_batch.Own.Count + _workers.Count - 1) / _workers.Count, 1, _current.ChunkSize);

    /// <summary>The first <paramref name="examples"/> examples, and whoever goes back together with the last of them.</summary>
    private int EndOfRange(int examples, int together)
    {
        int slice = 0;
        while (_batch.SliceStart(slice + 1) < examples)
        {
            slice++;
        }

        int ranges = (examples - _batch.SliceStart(slice) + together - 1) / together;
        return Math.Min(_batch.SliceStart(slice) + ranges * together, _batch.SliceStart(slice + 1));
    }

    private void ForwardGroup(int group, int worker)
    {
        int together = ForwardTogether;
        ExampleRange own = _batch.Own;
        ExampleRange range = Range(own.First + group * together, together, own.End), next = Range(own.First + (group + _workers.Count) * together, together, own.End);
        _current.Forward(range, next, worker, _prefetchers[worker], _workers.Cancellation);
    }

    private void BackwardSlice(int index, int worker)
    {
        int slice = _batch.FirstSlice + index, slot = _ranks.Rank == 0 ? _reduction.Take() : index;
        foreach (ExampleLayer layer in _current.Layers)
        {
            layer.BeginSlice(slot, _quantities);
        }

        int end = _batch.SliceStart(slice + 1), together = _current.ChunkSize;
        for (int first = _batch.SliceStart(slice); first < end; first += together)
        {
            ExampleRange range = Range(first, together, end);
            _current.Backward(range, Range(range.End, together, end), slot, worker, _quantities, _prefetchers[worker], _workers.Cancellation);
        }

        if (_ranks.Rank == 0)
        {
            _reduction.Finish(slice, slot);
        }
    }

    private void AddSlice(int slot, bool isFirst)
    {
        foreach (ExampleLayer layer in _current.Layers)
        {
            layer.AddSlice(slot, isFirst, _quantities);
        }
    }

    /// <summary>So many examples from <paramref name="first"/> on; none past the end.</summary>
    private static ExampleRange Range(int first, int together, int end) => new(Math.Min(first, end), Math.Min(first + together, end));

    private void ConnectLayers(NetworkGraph graph, MemoryPlan memory, int sliceSlots)
    {
        foreach (ExampleLayer layer in _segments.SelectMany(segment => segment.Layers))
        {
            layer.SliceSlots = sliceSlots;
        }

        int scratchLength = Layers.Select(layer => layer.ScratchLength).Append(0).Max();
        AlignedBuffer[] scratch = [.. Enumerable.Range(0, _workers.Count).Select(_ => new AlignedBuffer(scratchLength))];
        foreach (Node node in graph.Nodes)
        {
            node.Layer.Connect(memory.Values[node.In]!, memory.Values[node.Out]!, memory.Gradients[node.In], memory.Gradients[node.Out], scratch);
            (node.Layer as ResidualJunction)?.ConnectShortcut(memory.Values[node.Shortcut]!, memory.Gradients[node.Shortcut]);
        }

        foreach (Segment run in _segments.Where(segment => segment.Batch is null))
        {
            run.Prefetch = new PrefetchPlan(run.Layers);
        }
    }
}
