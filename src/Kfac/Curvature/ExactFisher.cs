using System.Numerics.Tensors;
using Kfac.Layers;
using Kfac.Memory;
using Kfac.Running;

namespace Kfac.Curvature;

/// <summary>
/// The exact Fisher of some parameters on the batch of a network's last training pass, as an operator:
/// F v = (1/N) sum_n J_nᵀ (diag p_n - p_n p_nᵀ) J_n v, J_n [classes, D] the derivative of the logits.
/// </summary>
/// <remarks>
/// J v is a central difference of the logits, two forward passes, and Jᵀ a backward pass: any kind of layer will do, and nothing
/// is shared with the blocks that are judged by it. Behind a layer a network with ReLUs is linear piece by piece, so that only
/// what crosses a kink, and single precision, err.
/// </remarks>
internal sealed class ExactFisher
{
    private readonly Network _network;
    private readonly SoftmaxCrossEntropy _loss;
    private readonly Segment[] _segments;
    private readonly AlignedBuffer _rest;
    private readonly float[] _above, _below;

    private ExactFisher(Network network, SoftmaxCrossEntropy loss, Segment[] segments)
    {
        (_network, _loss, _segments) = (network, loss, segments);
        Size = segments.Sum(segment => segment.Length);
        _rest = new AlignedBuffer(Size);
        (_above, _below) = (new float[network.Capacity * loss.Classes], new float[network.Capacity * loss.Classes]);
    }

    /// <summary>D: length of the vectors.</summary>
    public int Size { get; }

    /// <summary>The Fisher of all parameters; vectors are laid out as the parameter store.</summary>
    /// <param name="network">With memory for backward passes. Its parameters are moved, and moved back.</param>
    /// <param name="loss">Holds the batch's probabilities.</param>
    public static ExactFisher OfNetwork(Network network, SoftmaxCrossEntropy loss) =>
        new(network, loss, [new Segment(0, 0, network.Store.Length)]);

    /// <summary>The Fisher of one layer's parameters; in vectors the weights come first, then the bias.</summary>
    /// <inheritdoc cref="OfNetwork"/>
    public static ExactFisher OfLayer(Network network, SoftmaxCrossEntropy loss, Layer layer)
    {
        var segments = new List<Segment>();
        foreach (Parameter parameter in layer.Parameters)
        {
            segments.Add(new Segment(parameter.Offset, segments.Sum(segment => segment.Length), parameter.Length));
        }

        return new ExactFisher(network, loss, [.. segments]);
    }

    /// <summary>f₊ and f₋: the logits [N, classes] at w ± step·v. Leaves the parameters as they were, and the network as a forward pass does.</summary>
    public LogitsPair Difference(ReadOnlySpan<float> vector, float step, int examples)
    {
        Keep();
        LogitsAt(vector, step, examples, _above);
        LogitsAt(vector, -step, examples, _below);
        Restore();
        int length = examples * _loss.Classes;
        return new LogitsPair(_above.AsSpan(0, length), _below.AsSpan(0, length));
    }

    /// <summary>tangent [N, classes] = J v = (f₊ - f₋) / (2 step).</summary>
    public void Tangent(ReadOnlySpan<float> vector, float step, int examples, Span<float> tangent)
    {
        LogitsPair logits = Difference(vector, step, examples);
        TensorPrimitives.Multiply(logits.Above, 0.5f / step, tangent);
        TensorPrimitives.MultiplyAdd(logits.Below, -0.5f / step, tangent, tangent);
    }

    /// <summary>vᵀ F u = (1/N) sum_n w_n (J_n v)ᵀ (diag p_n - p_n p_nᵀ) (J_n u), of the tangents J v and J u; w_n is the example's weight in the loss.</summary>
    public double Curvature(ReadOnlySpan<float> left, ReadOnlySpan<float> right, int examples)
    {
        double sum = 0;
        int classes = _loss.Classes;
        for (int n = 0; n < examples; n++)
        {
            ReadOnlySpan<float> p = _loss.Probabilities(n), v = left.Slice(n * classes, classes), w = right.Slice(n * classes, classes);
            double product = 0, meanLeft = 0, meanRight = 0;
            for (int c = 0; c < classes; c++)
            {
                product += (double)p[c] * v[c] * w[c];
                meanLeft += (double)p[c] * v[c];
                meanRight += (double)p[c] * w[c];
            }

            sum += _loss.Weights[n] * (product - meanLeft * meanRight);
        }

        return sum / examples;
    }

    /// <summary>result = F v, v being what <see cref="Difference"/> was last called with, times 2 step · <paramref name="scale"/>; leaves the network as a backward pass does.</summary>
    public void MultiplyDifference(double scale, int examples, Span<float> result)
    {
        _network.RepeatForward();
        int classes = _loss.Classes;
        for (int n = 0; n < examples; n++)
        {
            ReadOnlySpan<float> p = _loss.Probabilities(n);
            Span<float> row = _network.LogitsGradient!.Row(n, 0);
            double mean = 0;
            for (int c = 0; c < classes; c++)
            {
                mean += p[c] * scale * Change(n, c);
            }

            for (int c = 0; c < classes; c++)
            {
                row[c] = (float)(_loss.Weights[n] * p[c] * (scale * Change(n, c) - mean));
            }
        }

        _network.Backward(BackwardQuantities.Gradient);
        ReadGradient(result);

        double Change(int n, int c) => (double)_above[n * classes + c] - _below[n * classes + c];
    }

    /// <summary>The gradient that the last backward pass left at the parameters.</summary>
    public void ReadGradient(Span<float> gradient)
    {
        foreach (Segment segment in _segments)
        {
            _network.Store.Gradients.Span.Slice(segment.InStore, segment.Length).CopyTo(gradient[segment.InVector..]);
        }
    }

    /// <summary>Remembers the parameters.</summary>
    public void Keep()
    {
        foreach (Segment segment in _segments)
        {
            Values(segment).CopyTo(_rest.Span[segment.InVector..]);
        }
    }

    /// <summary>w + scale · direction from the remembered parameters w.</summary>
    public void Move(ReadOnlySpan<float> direction, float scale)
    {
        foreach (Segment segment in _segments)
        {
            TensorPrimitives.MultiplyAdd(direction.Slice(segment.InVector, segment.Length), scale, _rest.Span.Slice(segment.InVector, segment.Length), Values(segment));
        }

        _network.Store.MarkChanged();
    }

    /// <summary>Brings the remembered parameters back.</summary>
    public void Restore()
    {
        foreach (Segment segment in _segments)
        {
            _rest.Span.Slice(segment.InVector, segment.Length).CopyTo(Values(segment));
        }

        _network.Store.MarkChanged();
    }

    private Span<float> Values(Segment segment) => _network.Store.Values.Span.Slice(segment.InStore, segment.Length);

    private void LogitsAt(ReadOnlySpan<float> vector, float step, int examples, Span<float> logits)
    {
        Move(vector, step);
        _network.RepeatForward();
        for (int n = 0; n < examples; n++)
        {
            _network.Logits.Row(n, 0).CopyTo(logits[(n * _loss.Classes)..]);
        }
    }

    /// <summary>Where a run of parameters lies in the store and in a vector.</summary>
    private readonly record struct Segment(int InStore, int InVector, int Length);
}

/// <summary>Logits [N, classes] on both sides of the parameters.</summary>
internal readonly ref struct LogitsPair(ReadOnlySpan<float> above, ReadOnlySpan<float> below)
{
    public readonly ReadOnlySpan<float> Above = above;

    public readonly ReadOnlySpan<float> Below = below;
}
