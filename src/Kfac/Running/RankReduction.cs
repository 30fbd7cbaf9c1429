using Kfac.Layers;
using Kfac.Memory;
using Kfac.Parallel;

namespace Kfac.Running;

/// <summary>
/// Adds up over the ranks what their slices of a batch left at the layers that treat examples alone. Rank 0 has added its slices
/// to the parameter store as they ended; the sums then go from rank to rank, each adding its slices in their order. While one
/// rank adds those of a layer, the next is at the layer behind.
/// </summary>
internal sealed class RankReduction
{
    private readonly ParameterStore _store;
    private readonly ExampleLayer[] _layers;

    /// <param name="layers">In the order of the network; those without parameters, or with sums over the whole batch, are left out.</param>
    /// <param name="store">Where the sums are.</param>
    public RankReduction(IEnumerable<ExampleLayer> layers, ParameterStore store)
    {
        _store = store;
        _layers = [.. layers.Where(layer => layer.ParameterArray.Length > 0 && !layer.NeedsBatchForGradients).Reverse()];
    }

    /// <summary>Leaves the sums of all slices in the store of every rank.</summary>
    /// <param name="batch">Whose slices.</param>
    /// <param name="quantities">Which sums; a rank's slices are in the slots 0, 1, 2, …, except on rank 0.</param>
    public void Run(BatchPartition batch, BackwardQuantities quantities)
    {
        Communicator ranks = batch.Communicator;
        if (ranks.Size == 1)
        {
            return;
        }

        bool gradients = quantities.HasFlag(BackwardQuantities.Gradient), squares = quantities.HasFlag(BackwardQuantities.SquaredGradient);
        foreach (ExampleLayer layer in _layers)
        {
            ranks.ReceiveSums(gradients ? Part(_store.Gradients, layer) : []);
            ranks.ReceiveSums(squares ? Part(_store.SquaredGradients, layer) : []);
            for (int slot = 0; slot < batch.EndSlice - batch.FirstSlice && ranks.Rank > 0; slot++)
            {
                layer.AddSlice(slot, isFirst: false, quantities);
            }

            ranks.PassSums(gradients ? Part(_store.Gradients, layer) : []);
            ranks.PassSums(squares ? Part(_store.SquaredGradients, layer) : []);
        }

        foreach (ExampleLayer layer in _layers)
        {
            ranks.ShareSums(gradients ? Part(_store.Gradients, layer) : []);
            ranks.ShareSums(squares ? Part(_store.SquaredGradients, layer) : []);
        }
    }

    /// <summary>The layer's parameters lie one behind the other.</summary>
    private static Span<float> Part(AlignedBuffer values, ExampleLayer layer)
    {
        Parameter first = layer.ParameterArray[0], last = layer.ParameterArray[^1];
        return values.Span[first.Offset..(last.Offset + last.Length)];
    }
}
