using Kfac.Kernels;
using Kfac.Layers;
using Kfac.Memory;

namespace Kfac.Running;

/// <summary>
/// Which maps of the batch come next in a run of layers: while one that looks ahead is at some examples, those that the layers
/// from there to the next such one will touch, for the same examples or, past the end of the run, for the next ones.
/// </summary>
internal sealed unsafe class PrefetchPlan
{
    /// <summary>For each layer; empty where it does not look ahead.</summary>
    private readonly Prefetch[][] _forward, _backward;

    /// <param name="run">Layers that treat examples alone, connected.</param>
    public PrefetchPlan(ExampleLayer[] run)
    {
        _forward = [.. run.Select((_, i) => After(run, i, 1, layer => layer.MapsWritten))];
        _backward = [.. run.Select((_, i) => After(run, i, -1, layer => layer.MapsReadBack))];
    }

    /// <summary>Most maps there are for one layer.</summary>
    public int MaxMaps => _forward.Concat(_backward).Max(maps => maps.Length);

    /// <summary>Tells what comes after the forward pass of a layer over <paramref name="range"/>.</summary>
    public void AfterForward(int layer, ExampleRange range, ExampleRange next, Prefetcher ahead) => Tell(_forward[layer], range, next, ahead);

    /// <summary>The same for its backward pass.</summary>
    public void AfterBackward(int layer, ExampleRange range, ExampleRange next, Prefetcher ahead) => Tell(_backward[layer], range, next, ahead);

    private static void Tell(Prefetch[] maps, ExampleRange range, ExampleRange next, Prefetcher ahead)
    {
        ahead.Clear();
        foreach ((ActivationBuffer map, bool isOfNext) in maps)
        {
            ExampleRange examples = isOfNext ? next : range;
            if (examples.Count > 0)
            {
                ahead.Add(map[examples.First].Origin, examples.Count * map.ImageStride);
            }
        }
    }

    private static Prefetch[] After(ExampleLayer[] run, int layer, int step, Func<ExampleLayer, IEnumerable<ActivationBuffer>> mapsOf)
    {
        if (!run[layer].SupportsPrefetch)
        {
            return [];
        }

        List<Prefetch> own = [.. mapsOf(run[layer]).Select(map => new Prefetch(map, IsOfNext: false))], maps = [];
        int i = layer;
        bool isOfNext = false;
        do
        {
            i += step;
            if (i < 0 || i == run.Length)
            {
                (i, isOfNext) = (i < 0 ? run.Length - 1 : 0, true);
            }

            maps.AddRange(mapsOf(run[i])
                .Where(map => !map.IsTransient && !own.Concat(maps).Any(known => known.IsOfNext == isOfNext && known.Map.IsSameMemoryAs(map)))
                .Select(map => new Prefetch(map, isOfNext)));
        }
        while (!run[i].SupportsPrefetch);
        return [.. maps];
    }

    private readonly record struct Prefetch(ActivationBuffer Map, bool IsOfNext);
}
