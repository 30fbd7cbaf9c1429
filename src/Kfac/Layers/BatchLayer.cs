using Kfac.Memory;
using Kfac.Parallel;

namespace Kfac.Layers;

/// <summary>
/// A layer that needs the whole batch at once and divides the work among the workers itself. What it does with each example alone, before and
/// after, is done by the worker who is at the example anyway, while it is in the core's cache.
/// </summary>
internal abstract class BatchLayer : Layer
{
    private protected BatchLayer(string name, ImageShape inputShape, ImageShape outputShape)
        : base(name, inputShape, outputShape)
    {
    }

    /// <summary>Whether anything is to be done with each example alone.</summary>
    internal virtual bool HasExampleParts => false;

    /// <summary>What comes before <see cref="Forward"/> for each of this rank's examples, in any order.</summary>
    internal virtual void BeforeForward(int example, int worker)
    {
    }

    /// <summary>Takes this rank's examples forward.</summary>
    internal abstract void Forward(BatchPartition batch, Workers workers);

    /// <summary>What comes after <see cref="Forward"/> for each of this rank's examples, in any order.</summary>
    internal virtual void AfterForward(int example, int worker)
    {
    }

    /// <summary>What comes before <see cref="Backward"/> for each of this rank's examples, in any order.</summary>
    internal virtual void BeforeBackward(int example, int worker)
    {
    }

    /// <summary>Takes this rank's examples back; means over the whole batch are left on every rank.</summary>
    internal abstract void Backward(BatchPartition batch, Workers workers, BackwardQuantities quantities);

    /// <summary>What comes after <see cref="Backward"/> for each of this rank's examples, in any order.</summary>
    internal virtual void AfterBackward(int example, int worker)
    {
    }
}
