using Kfac.Kernels;
using Kfac.Memory;
using Kfac.Parallel;

namespace Kfac.Layers;

/// <summary>A layer that treats each example alone, so that a worker can take a few examples through several such layers at a stretch.</summary>
internal abstract class ExampleLayer : Layer
{
    private protected ExampleLayer(string name, ImageShape inputShape, ImageShape outputShape)
        : base(name, inputShape, outputShape)
    {
    }

    /// <summary>Examples of a call that cost it least; 0 where that is all the same.</summary>
    internal virtual int PreferredExamples => 0;

    /// <summary>Whether it makes use of <see cref="Prefetchers"/>.</summary>
    internal virtual bool SupportsPrefetch => false;

    /// <summary>For each worker the memory that it will touch after this layer.</summary>
    internal Prefetcher[] Prefetchers { get; set; } = [];

    /// <summary>Slots for slices of a batch whose sums have not been added yet; set before <see cref="Layer.Connect"/>.</summary>
    internal int SliceSlots { get; set; }

    /// <summary>Memory that all layers share, for <see cref="BackwardBatch"/>.</summary>
    internal AlignedBuffer BatchScratch { get; set; } = null!;

    /// <summary>Where the forward pass writes.</summary>
    internal virtual IEnumerable<ActivationBuffer> MapsWritten => [Output];

    /// <summary>What the backward pass reads of what forward passes left.</summary>
    internal virtual IEnumerable<ActivationBuffer> MapsReadBack => [.. ReadsInput ? [Input] : Array.Empty<ActivationBuffer>(), .. ReadsOutput ? [Output] : Array.Empty<ActivationBuffer>()];

    /// <summary>Derives from the parameters what the examples' passes will read; once per change of the parameters.</summary>
    internal virtual void PrepareParameters(bool forBackward)
    {
    }

    /// <summary>Takes the examples of <paramref name="range"/> forward.</summary>
    internal abstract void Forward(ExampleRange range, int worker);

    /// <summary>Called before the first example of a slice of the batch, whose sums go to <paramref name="slot"/>.</summary>
    internal virtual void BeginSlice(int slot, BackwardQuantities quantities)
    {
    }

    /// <summary>Takes the examples of <paramref name="range"/> back; sums over examples go to the slice's slot.</summary>
    internal abstract void Backward(ExampleRange range, int slot, int worker, BackwardQuantities quantities);

    /// <summary>Adds the sums of the slice in <paramref name="slot"/> to those in the parameter store; called for one slice after the other.</summary>
    internal virtual void AddSlice(int slot, bool isFirst, BackwardQuantities quantities)
    {
    }

    /// <summary>
    /// Whether its parameters' gradients come from <see cref="BackwardBatch"/>, for which the output's gradients of the whole batch stay.
    /// </summary>
    internal virtual bool NeedsBatchForGradients => false;

    /// <summary>Floats of memory that all workers share in <see cref="BackwardBatch"/>.</summary>
    internal virtual int BatchScratchLength(int examples) => 0;

    /// <summary>Leaves means over the examples of all ranks in the parameter store, when this rank's have gone back.</summary>
    internal virtual void BackwardBatch(BatchPartition batch, Workers workers, BackwardQuantities quantities)
    {
    }

    /// <summary>Makes means over <paramref name="examples"/> of what all slices together left in the parameter store.</summary>
    internal virtual void AverageSlices(int examples, BackwardQuantities quantities)
    {
    }
}
