using System.Numerics.Tensors;
using Kfac.Layers;

namespace Kfac.Optimizers;

/// <summary>m = μ·m + g, w -= α·m.</summary>
internal sealed class SgdOptimizer(Network network, SgdOptions options) : Optimizer(network)
{
    private readonly AlignedBuffer _momentum = new(network.Store.Length);
    private float _caution = 1;

    private protected override bool Update(ReadOnlySpan<int> labels, float scheduleFactor)
    {
        ComputeGradient(labels);
        float rate = _caution * scheduleFactor * options.LearningRate;
        Span<float> momentum = _momentum.Span, values = Store.Values.Span;
        TensorPrimitives.MultiplyAdd(momentum, options.Momentum, Store.Gradients.Span, momentum);
        DecayWeights(rate, options.WeightDecay);
        TensorPrimitives.MultiplyAdd(momentum, -rate, values, values);
        return true;
    }

    private protected override string BecomeCareful()
    {
        _momentum.Span.Clear();
        _caution /= 2;
        return $"the learning rate is now multiplied by {_caution}";
    }
}
