using Kfac.Layers;
using Kfac.Memory;
using Kfac.Networks;

namespace Kfac.Running;

/// <summary>The parameters of a network without the memory to run it.</summary>
internal static class ParameterLayout
{
    /// <summary>All of them, zero.</summary>
    /// <exception cref="OverflowException">There are more than an array can hold.</exception>
    public static ParameterStore Of(NetworkSpec spec) => Of(new NetworkGraph(spec));

    /// <summary>All of them with their initial values.</summary>
    /// <inheritdoc cref="Of(NetworkSpec)"/>
    public static ParameterStore Draw(NetworkSpec spec, int seed)
    {
        var graph = new NetworkGraph(spec);
        ParameterStore store = Of(graph);
        Draw(graph.Layers, store, seed);
        return store;
    }

    /// <summary>Draws initial values (He normal weights, zero biases, normalisations that change nothing).</summary>
    /// <param name="layers">All layers of a network.</param>
    /// <param name="store">Their parameters.</param>
    /// <param name="seed">The same seed draws the same values.</param>
    public static void Draw(IReadOnlyList<Layer> layers, ParameterStore store, int seed)
    {
        store.Values.Span.Clear();
        for (int i = 0; i < layers.Count; i++)
        {
            layers[i].Initialize(seed, i);
        }

        store.MarkChanged();
    }

    private static ParameterStore Of(NetworkGraph graph)
    {
        var store = new ParameterStore();
        foreach (Layer layer in graph.Layers)
        {
            layer.AddParameters(store);
        }

        return store;
    }
}
