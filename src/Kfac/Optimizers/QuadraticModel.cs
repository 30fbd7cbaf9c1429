using Kfac.Curvature;
using Kfac.Parallel;
using Kfac.Running;

namespace Kfac.Optimizers;

/// <summary>The curvature dᵀ F e of one batch's loss along given directions, with the exact Fisher of the batch, for two forward passes a direction.</summary>
/// <remarks>The relative error of J d is below 1e-2: rounding, and ReLUs that switch on the way.</remarks>
internal sealed class QuadraticModel(Network network, SoftmaxCrossEntropy loss, Chunks chunks)
{
    /// <summary>Length of the difference's step relative to the parameters': curvature and rounding err about equally.</summary>
    private const double RelativeStep = 5e-4;

    private readonly ExactFisher _fisher = ExactFisher.OfNetwork(network, loss);

    /// <summary>J d for the <paramref name="examples"/> examples of the last training pass, at the network's present parameters.</summary>
    /// <param name="direction">d, laid out as the parameter store.</param>
    /// <param name="examples">How many examples.</param>
    /// <param name="tangent">[N, classes], overwritten; zero where d is.</param>
    public void Tangent(ReadOnlySpan<float> direction, int examples, Span<float> tangent)
    {
        tangent.Clear();
        double length = Math.Sqrt(chunks.Dot(direction, direction));
        if (length > 0)
        {
            ReadOnlySpan<float> values = network.Store.Values.Span;
            float step = (float)(RelativeStep * Math.Max(Math.Sqrt(chunks.Dot(values, values)), 1e-3) / length);
            _fisher.Tangent(direction, step, examples, tangent[..(examples * loss.Classes)]);
        }
    }

    /// <summary>dᵀ F e for J d and J e at the probabilities of the loss's last forward pass.</summary>
    public double Curvature(ReadOnlySpan<float> left, ReadOnlySpan<float> right, int examples) => _fisher.Curvature(left, right, examples);
}
