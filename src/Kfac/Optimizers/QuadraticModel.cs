using System.Numerics.Tensors;
using Kfac.Parallel;
using Kfac.Running;

namespace Kfac.Optimizers;

/// <summary>
/// The curvature of one batch's loss along given directions, with the exact Fisher of the batch and no approximation of it:
/// dᵀ F e = (1/N) sum_n (J_n d)ᵀ (diag(p_n) - p_n p_nᵀ) (J_n e), J_n the derivative of the logits.
/// </summary>
/// <remarks>J d comes from a central difference of the logits along d, two forward passes; its relative error is below 1e-2: rounding, and rectifiers that turn on the way.</remarks>
internal sealed class QuadraticModel
{
    /// <summary>Length of the difference's step relative to the parameters': curvature and rounding err about equally.</summary>
    private const double RelativeStep = 5e-4;

    private readonly Network _network;
    private readonly SoftmaxCrossEntropy _loss;
    private readonly Chunks _chunks;
    private readonly AlignedBuffer _values;

    public QuadraticModel(Network network, SoftmaxCrossEntropy loss, Chunks chunks)
    {
        _network = network;
        _loss = loss;
        _chunks = chunks;
        _values = new AlignedBuffer(network.Store.Length);
    }

    /// <summary>J d for the <paramref name="examples"/> examples of the last training pass, at the network's present parameters.</summary>
    /// <param name="direction">d, laid out as the parameter store.</param>
    /// <param name="examples">How many examples.</param>
    /// <param name="tangent">[N, classes], overwritten; zero where d is.</param>
    public void Tangent(ReadOnlySpan<float> direction, int examples, Span<float> tangent)
    {
        Span<float> values = _network.Store.Values.Span;
        values.CopyTo(_values.Span);
        double length = Math.Sqrt(_chunks.Dot(direction, direction));
        tangent.Clear();
        if (length == 0)
        {
            return;
        }

        float step = (float)(RelativeStep * Math.Max(Math.Sqrt(_chunks.Dot(values, values)), 1e-3) / length);
        AddLogits(direction, step, 0.5f / step, examples, tangent);
        AddLogits(direction, -step, -0.5f / step, examples, tangent);
        _values.Span.CopyTo(values);
        _network.Store.MarkChanged();
    }

    /// <summary>dᵀ F e for J d and J e at the probabilities of the loss's last forward pass.</summary>
    public double Curvature(ReadOnlySpan<float> left, ReadOnlySpan<float> right, int examples)
    {
        double sum = 0;
        int classes = _loss.Classes;
        for (int n = 0; n < examples; n++)
        {
            ReadOnlySpan<float> p = _loss.Probabilities(n), d = left.Slice(n * classes, classes), e = right.Slice(n * classes, classes);
            double product = 0, meanLeft = 0, meanRight = 0;
            for (int c = 0; c < classes; c++)
            {
                product += (double)p[c] * d[c] * e[c];
                meanLeft += (double)p[c] * d[c];
                meanRight += (double)p[c] * e[c];
            }

            sum += product - meanLeft * meanRight;
        }

        return sum / examples;
    }

    /// <summary>tangent += factor · logits at (values + step · direction).</summary>
    private void AddLogits(ReadOnlySpan<float> direction, float step, float factor, int examples, Span<float> tangent)
    {
        TensorPrimitives.MultiplyAdd(direction, step, _values.Span, _network.Store.Values.Span);
        _network.Store.MarkChanged();
        _network.RepeatForward();
        int classes = _loss.Classes;
        for (int n = 0; n < examples; n++)
        {
            Span<float> row = tangent.Slice(n * classes, classes);
            TensorPrimitives.MultiplyAdd(_network.Logits.Row(n, 0), factor, row, row);
        }
    }
}
