using Kfac.Kernels;
using Kfac.Layers;
using Kfac.Memory;

namespace Kfac.Running;

/// <summary>
/// Either one layer that needs the whole batch, or a run of neighbouring layers that treat examples alone, through all of which a
/// worker takes a few examples before the next ones.
/// </summary>
internal sealed class Segment
{
    /// <summary>Examples that go through a run together where no layer wishes for more: few, so that their maps stay in the core's cache.</summary>
    private const int FewExamples = 2;

    private Segment(ExampleLayer[] layers, BatchLayer? batch, WorkerSlots? slots)
    {
        (Layers, Batch, Slots) = (layers, batch, slots);
    }

    /// <summary>The run; empty where there is one layer for the whole batch.</summary>
    public ExampleLayer[] Layers { get; }

    /// <summary>The layer that needs the whole batch.</summary>
    public BatchLayer? Batch { get; }

    /// <summary>For a run, the layer before it that needs the whole batch, if that does something with each example alone.</summary>
    public BatchLayer? Before { get; private set; }

    /// <summary>For a run, the layer behind it, likewise.</summary>
    public BatchLayer? Behind { get; private set; }

    /// <summary>For a layer that needs the whole batch, whether a run before it does what is to be done with each example alone.</summary>
    public bool HasRunBefore { get; private set; }

    /// <summary>For a layer that needs the whole batch, whether a run behind it does so.</summary>
    public bool HasRunBehind { get; private set; }

    /// <summary>Where examples are in maps that pass between the run's layers.</summary>
    public WorkerSlots? Slots { get; }

    /// <summary>What the run's layers touch next; set when they are connected.</summary>
    public PrefetchPlan? Prefetch { get; set; }

    /// <summary>Examples that go through the run together.</summary>
    public int ChunkSize => Slots!.ChunkSize;

    /// <summary>Takes examples through a run.</summary>
    /// <param name="range">The examples.</param>
    /// <param name="next">Those that this worker takes next.</param>
    /// <param name="worker">Who does it.</param>
    /// <param name="prefetcher">The worker's.</param>
    /// <param name="cancellation">Looked at before each layer.</param>
    public void Forward(ExampleRange range, ExampleRange next, int worker, Prefetcher prefetcher, CancellationToken cancellation)
    {
        Slots!.Assign(range, worker);
        for (int n = range.First; n < range.End; n++)
        {
            Before?.AfterForward(n, worker);
        }

        for (int i = 0; i < Layers.Length; i++)
        {
            if (Layers[i].SupportsPrefetch)
            {
                Prefetch!.AfterForward(i, range, next, prefetcher);
            }

            cancellation.ThrowIfCancellationRequested();
            Layers[i].Forward(range, worker);
        }

        for (int n = range.First; n < range.End; n++)
        {
            Behind?.BeforeForward(n, worker);
        }
    }

    /// <summary>Takes examples back through a run.</summary>
    /// <param name="range">The examples.</param>
    /// <param name="next">Those that this worker takes next.</param>
    /// <param name="slot">Where the sums of their slice are.</param>
    /// <param name="worker">Who does it.</param>
    /// <param name="quantities">What is asked for.</param>
    /// <param name="prefetcher">The worker's.</param>
    /// <param name="cancellation">Looked at before each layer.</param>
    public void Backward(ExampleRange range, ExampleRange next, int slot, int worker, BackwardQuantities quantities, Prefetcher prefetcher, CancellationToken cancellation)
    {
        Slots!.Assign(range, worker);
        for (int n = range.First; n < range.End; n++)
        {
            Behind?.AfterBackward(n, worker);
        }

        for (int i = Layers.Length - 1; i >= 0; i--)
        {
            if (Layers[i].SupportsPrefetch)
            {
                Prefetch!.AfterBackward(i, range, next, prefetcher);
            }

            cancellation.ThrowIfCancellationRequested();
            Layers[i].Backward(range, slot, worker, quantities);
        }

        for (int n = range.First; n < range.End && Before is { OutputGradient: not null } before; n++)
        {
            before.BeforeBackward(n, worker);
        }
    }

    /// <summary>
    /// Cuts a network's layers into segments. A run ends where the next layer takes another number of examples together; layers
    /// without a wish go with their neighbours.
    /// </summary>
    /// <param name="layers">In the order they run.</param>
    /// <param name="capacity">Largest number of examples in a batch.</param>
    /// <param name="workers">How many workers there are.</param>
    public static Segment[] Divide(IEnumerable<Layer> layers, int capacity, int workers)
    {
        List<Segment> segments = [];
        List<ExampleLayer> run = [];
        int wish = 0;
        foreach (Layer layer in layers)
        {
            if (layer is not ExampleLayer alone)
            {
                CloseRun();
                segments.Add(new Segment([], (BatchLayer)layer, null));
                continue;
            }

            int together = alone.PreferredExamples is 0 or > FewExamples ? alone.PreferredExamples : FewExamples;
            if (together != 0 && wish != 0 && together != wish)
            {
                CloseRun();
            }

            wish = together == 0 ? wish : together;
            run.Add(alone);
        }

        CloseRun();
        for (int i = 1; i < segments.Count; i++)
        {
            Join(segments[i - 1], segments[i]);
        }

        return [.. segments];

        void CloseRun()
        {
            if (run.Count > 0)
            {
                segments.Add(new Segment([.. run], null, new WorkerSlots(capacity, workers, Math.Min(Math.Max(wish, FewExamples), capacity))));
                run.Clear();
            }

            wish = 0;
        }
    }

    private static void Join(Segment first, Segment second)
    {
        switch (first.Batch, second.Batch)
        {
            case (null, { HasExampleParts: true }):
                (first.Behind, second.HasRunBefore) = (second.Batch, true);
                break;
            case ({ HasExampleParts: true }, null):
                (second.Before, first.HasRunBehind) = (first.Batch, true);
                break;
        }
    }
}
