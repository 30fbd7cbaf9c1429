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

    internal abstract void Forward(int examples, Workers workers);

    internal abstract void Backward(int examples, Workers workers, BackwardQuantities quantities);
}
