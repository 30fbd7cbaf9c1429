using Kfac.Kernels;
using Kfac.Layers;
using Kfac.Memory;

namespace Kfac.Running;

/// <summary>A gradient that nobody but its own run of layers reads, and how many examples that takes together.</summary>
internal readonly record struct TransientGradient(ActivationBuffer Gradient, int Together);

/// <summary>
/// Which edges of a <see cref="NetworkGraph"/> share one memory, for the values and for their gradients. Values are
/// shared where a layer works in place and nobody else still needs what it overwrites: not behind a fork, where the other
/// branch reads the same map, and not behind a layer that reads its output again when it goes back. Gradients are shared
/// by the same rule in the mirror: not before an add, whose two inputs have one gradient. What is written and read within one
/// run of <see cref="ExampleLayer"/>s and not read again later has no memory for the batch at all (<see cref="WorkerSlots"/>).
/// </summary>
internal sealed class MemoryPlan
{
    private readonly NetworkGraph _graph;
    private readonly Dictionary<Layer, WorkerSlots> _slots;

    /// <param name="graph">The layers and edges.</param>
    /// <param name="segments">The same layers, divided into runs.</param>
    /// <param name="capacity">Largest number of examples in a batch.</param>
    /// <param name="trains">Whether there is to be memory for gradients.</param>
    public MemoryPlan(NetworkGraph graph, Segment[] segments, int capacity, bool trains)
    {
        _graph = graph;
        _slots = segments.SelectMany(segment => segment.Layers.Select(layer => (layer, segment.Slots))).ToDictionary(run => (Layer)run.layer, run => run.Slots!);
        Sharing values = ShareValues();
        WorkerSlots?[] passing = SlotsOfRun(values);
        foreach (Node node in graph.Nodes.Where(_ => trains))
        {
            if (node.Layer.ReadsInput)
            {
                passing[values.GroupOf(node.In)] = null;
            }

            if (node.Layer.ReadsOutput)
            {
                passing[values.GroupOf(node.Out)] = null;
            }
        }

        Values = values.Allocate(capacity, group => new ActivationPlan(passing[group], passing[group] is not null));
        Gradients = new ActivationBuffer?[graph.Edges.Count];
        if (trains)
        {
            Sharing gradients = ShareGradients();
            passing = SlotsOfRun(gradients);
            foreach (Node node in graph.Nodes.Where(node => node.Layer is ExampleLayer { NeedsBatchForGradients: true } && gradients.Has(node.Out)))
            {
                passing[gradients.GroupOf(node.Out)] = null;
            }

            Gradients = gradients.Allocate(capacity, group => new ActivationPlan(passing[group], Passes: false));
            TransientGradients = [.. Enumerable.Range(0, Gradients.Length)
                .Where(edge => gradients.Has(edge) && passing[gradients.GroupOf(edge)] is not null)
                .Select(edge => new TransientGradient(Gradients[edge]!, passing[gradients.GroupOf(edge)]!.ChunkSize))];
        }
    }

    /// <summary>One for each edge.</summary>
    public ActivationBuffer?[] Values { get; }

    /// <summary>One for each edge; null where nobody needs the gradient: before the first layer with parameters.</summary>
    public ActivationBuffer?[] Gradients { get; }

    /// <summary>Those of <see cref="Gradients"/> that nobody but their own run of layers reads, unless it is asked for.</summary>
    public TransientGradient[] TransientGradients { get; } = [];

    /// <summary>For each group of edges the slots of the run whose layers write and read it, if no other layers do.</summary>
    private WorkerSlots?[] SlotsOfRun(Sharing sharing)
    {
        var slots = new WorkerSlots?[_graph.Edges.Count];
        var isMet = new bool[_graph.Edges.Count];
        foreach (Node node in _graph.Nodes)
        {
            WorkerSlots? run = _slots.GetValueOrDefault(node.Layer);
            foreach (int edge in (int[])[node.In, node.Out, .. node.Shortcut < 0 ? Array.Empty<int>() : [node.Shortcut]])
            {
                if (sharing.Has(edge))
                {
                    int group = sharing.GroupOf(edge);
                    slots[group] = !isMet[group] || slots[group] == run ? run : null;
                    isMet[group] = true;
                }
            }
        }

        foreach (int edge in (int[])[0, _graph.Output])
        {
            if (sharing.Has(edge))
            {
                slots[sharing.GroupOf(edge)] = null;
            }
        }

        return slots;
    }

    private Sharing ShareValues()
    {
        var sharing = new Sharing(_graph.Edges);
        var isForked = new bool[_graph.Edges.Count];
        sharing.Begin(0, default);
        sharing.Preserve(0); // a batch may go through the network more than once
        foreach (Node node in _graph.Nodes)
        {
            sharing.Widen(node.In, node.Layer.InputHalo);
            if (node.Layer is ResidualFork)
            {
                sharing.Join(node.In, node.Out);
                sharing.Join(node.In, node.Shortcut);
                isForked[node.Out] = isForked[node.Shortcut] = true;
            }
            else if (node.Layer.WorksInPlace && !isForked[node.In] && (node.Layer is Flatten || !sharing.IsPreserved(node.In)))
            {
                sharing.Join(node.In, node.Out);
            }
            else
            {
                sharing.Begin(node.Out, default);
            }

            if (node.Layer.ReadsOutput)
            {
                sharing.Preserve(node.Out);
            }
        }

        return sharing;
    }

    private Sharing ShareGradients()
    {
        var sharing = new Sharing(_graph.Edges);
        var isAdded = new bool[_graph.Edges.Count];
        foreach (Node node in _graph.Nodes.Where(node => node.Layer is ResidualAdd))
        {
            isAdded[node.In] = isAdded[node.Shortcut] = true;
        }

        foreach (Node node in _graph.Nodes)
        {
            bool isNeededBefore = sharing.Has(node.In);
            switch (node.Layer)
            {
                case ResidualFork when isNeededBefore:
                    sharing.Join(node.In, node.Out);
                    sharing.Begin(node.Shortcut, default);
                    break;
                case ResidualAdd when isNeededBefore || sharing.Has(node.Shortcut):
                    sharing.Join(isNeededBefore ? node.In : node.Shortcut, node.Out);
                    if (isNeededBefore && sharing.Has(node.Shortcut))
                    {
                        sharing.Merge(node.In, node.Shortcut);
                    }

                    break;
                case Layer layer when isNeededBefore && layer.WorksInPlace && !isAdded[node.Out] && (layer is not Flatten || !sharing.HasHalo(node.In)):
                    sharing.Join(node.In, node.Out);
                    break;
                case Layer layer when isNeededBefore || layer.Parameters.Count > 0:
                    sharing.Begin(node.Out, layer.OutputGradientHalo);
                    break;
            }
        }

        return sharing;
    }

    /// <summary>A partition of edges into those of one memory, whose halo is the largest that any reader asks for.</summary>
    private sealed class Sharing(IReadOnlyList<ImageShape> edges)
    {
        private readonly int[] _group = [.. Enumerable.Repeat(-1, edges.Count)];
        private readonly Halo[] _halo = new Halo[edges.Count];
        private readonly bool[] _preserved = new bool[edges.Count];

        public bool Has(int edge) => _group[edge] >= 0;

        public int GroupOf(int edge) => _group[edge];

        public bool HasHalo(int edge) => _halo[_group[edge]] != default;

        public bool IsPreserved(int edge) => _preserved[_group[edge]];

        public void Preserve(int edge) => _preserved[_group[edge]] = true;

        public void Begin(int edge, Halo halo)
        {
            _group[edge] = edge;
            _halo[edge] = halo;
        }

        public void Join(int edge, int joining) => _group[joining] = _group[edge];

        public void Merge(int edge, int other)
        {
            int merged = _group[other];
            Widen(edge, _halo[merged]);
            for (int e = 0; e < _group.Length; e++)
            {
                _group[e] = _group[e] == merged ? _group[edge] : _group[e];
            }
        }

        public void Widen(int edge, Halo halo)
        {
            ref Halo widest = ref _halo[_group[edge]];
            widest = new Halo(Math.Max(widest.Top, halo.Top), Math.Max(widest.Left, halo.Left), Math.Max(widest.Bottom, halo.Bottom), Math.Max(widest.Right, halo.Right));
        }

        public ActivationBuffer?[] Allocate(int capacity, Func<int, ActivationPlan> planOf)
        {
            var memory = new ActivationBuffer?[edges.Count];
            for (int e = 0; e < memory.Length; e++)
            {
                if (Has(e))
                {
                    (WorkerSlots? slots, bool passes) = planOf(_group[e]);
                    ActivationBuffer first = memory[_group[e]] ??= new ActivationBuffer(edges[_group[e]], _halo[_group[e]], capacity, slots, passes);
                    memory[e] = edges[e] == first.Shape ? first : first.Flattened();
                }
            }

            return memory;
        }
    }

    /// <summary>Where a group's maps are, and whether they are always there.</summary>
    private readonly record struct ActivationPlan(WorkerSlots? Slots, bool Passes);
}
