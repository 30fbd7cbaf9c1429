using System.Numerics.Tensors;
using Kfac.Layers;
using Kfac.Memory;

namespace Kfac.Curvature;

/// <summary>
/// A layer's parameters, or a vector of their shape: <paramref name="Weights"/> (a filter [R, S, C, K] or a matrix
/// [F, K]) and, where the layer has one, <paramref name="Bias"/> [K]. The seed's <c>params</c>: one tensor or a pair.
/// </summary>
public sealed record ParameterTensors(Tensor<float> Weights, Tensor<float>? Bias = null)
{
    /// <summary>Weights alone.</summary>
    public static implicit operator ParameterTensors(Tensor<float> weights) => new(weights);

    /// <summary>Weights and bias.</summary>
    public static implicit operator ParameterTensors((Tensor<float> Weights, Tensor<float> Bias) pair) => new(pair.Weights, pair.Bias);
}

/// <summary>Weights and bias of one layer inside larger arrays; the bias is empty where there is none.</summary>
internal readonly ref struct ParameterSpans(Span<float> weights, Span<float> bias)
{
    public readonly Span<float> Weights = weights;

    public readonly Span<float> Bias = bias;

    /// <summary>The part of <paramref name="layer"/> in an array that is laid out as the parameter store.</summary>
    public static ParameterSpans Of(AlignedBuffer buffer, Layer layer)
    {
        IReadOnlyList<Parameter> parameters = layer.Parameters;
        return new ParameterSpans(SpanOf(buffer, parameters[0]), parameters.Count > 1 ? SpanOf(buffer, parameters[1]) : []);
    }

    private static Span<float> SpanOf(AlignedBuffer buffer, Parameter parameter) => buffer.Span.Slice(parameter.Offset, parameter.Length);
}
