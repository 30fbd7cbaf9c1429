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

    /// <summary>Where examples are in maps that pass between the run's layers.</summary>
    public WorkerSlots? Slots { get; }

    /// <summary>What the run's layers touch next; set when they are connected.</summary>
    public PrefetchPlan? Prefetch { get; set; }

    /// <summary>Examples that go through the run together.</summary>
    public int ChunkSize => Slots!.ChunkSize;

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
}
