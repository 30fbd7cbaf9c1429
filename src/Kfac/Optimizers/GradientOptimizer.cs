using Kfac.Memory;
using Kfac.Running;

namespace Kfac.Optimizers;

/// <summary>An optimizer that goes by the gradient and its averages alone.</summary>
internal abstract class GradientOptimizer : Optimizer
{
    private readonly OptimizerOptions _options;

    private protected GradientOptimizer(Network network, OptimizerOptions options)
        : base(network, options.LearningRate!.Value)
    {
        _options = options;
    }

    private protected sealed override bool Update(ReadOnlySpan<int> labels, float scheduleFactor)
    {
        ComputeGradient(labels);
        AddL2Gradient(_options.L2 ?? 0);
        if (!Chunks.IsFinite(Store.Gradients.Span))
        {
            return false;
        }

        float rate = Caution * scheduleFactor * LearningRate;
        foreach (Parameter parameter in Weights)
        {
            DecayWeights(parameter, rate * (_options.WeightDecay ?? 0));
        }

        Move(rate);
        return true;
    }

    private protected sealed override string? BackOff()
    {
        Forget();
        return null;
    }

    /// <summary>Changes the parameters by the store's gradients, which are finite.</summary>
    /// <param name="rate">α.</param>
    private protected abstract void Move(float rate);

    /// <summary>Clears the averages of the gradient.</summary>
    private protected abstract void Forget();
}
