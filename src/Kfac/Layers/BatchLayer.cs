using Kfac.Memory;
using Kfac.Parallel;

namespace Kfac.Layers;

/// <summary>A layer that needs the whole batch at once and divides the work among the workers itself.</summary>
internal abstract class BatchLayer : Layer
{
    private protected BatchLayer(string name, ImageShape inputShape, ImageShape outputShape)
        : base(name, inputShape, outputShape)
    {
    }

    /// <summary>Takes this rank's examples forward.</summary>
    internal abstract void Forward(BatchPartition batch, Workers workers);

    /// <summary>Takes this rank's examples back; means over the whole batch are left on every rank.</summary>
    internal abstract void Backward(BatchPartition batch, Workers workers, BackwardQuantities quantities);
}
