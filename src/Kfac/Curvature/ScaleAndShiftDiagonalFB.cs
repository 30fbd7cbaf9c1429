using System.Numerics.Tensors;
using Kfac.Layers;

namespace Kfac.Curvature;

/// <summary>
/// Diagonal Fisher of a normalisation's scale and shift (tf.contrib.kfac.fisher_blocks.ScaleAndShiftDiagonalFB of later
/// releases), y = scale[c] · x̂ + shift[c]: D[scale c] = (1/N) sum_n (sum_loc x̂[n, loc, c] dy[n, loc, c])²,
/// D[shift c] = (1/N) sum_n (sum_loc dy[n, loc, c])². First summed over the locations, then squared, then averaged over
/// the examples, as in <see cref="ConvDiagonalFB"/>.
/// </summary>
public sealed class ScaleAndShiftDiagonalFB : InputOutputDiagonalFB
{
    /// <summary>The inputs of <see cref="InputOutputDiagonalFB.RegisterAdditionalMinibatch"/> are the normalised x̂ [N, H, W, C], the outputs y of the same shape.</summary>
    /// <param name="layerCollection">The collection it joins.</param>
    /// <param name="parameters">The scale [C], or (scale, shift [C]). Only the shapes matter.</param>
    /// <exception cref="ArgumentException">A shape is not as above.</exception>
    public ScaleAndShiftDiagonalFB(LayerCollection layerCollection, ParameterTensors parameters)
        : base(layerCollection, ScaleShape(parameters), parameters.Bias is not null)
    {
        parameters.Bias?.RequireShape([WeightsShape[0]], "the shift", nameof(parameters));
    }

    internal ScaleAndShiftDiagonalFB(LayerCollection layerCollection, Layer layer)
        : base(layerCollection, [.. layer.Parameters[0].Shape], hasBias: true)
    {
        Layer = layer;
    }

    private protected override void RequireMinibatch(Tensor<float> inputs, Tensor<float> outputs)
    {
        inputs.RequireRank(4, "inputs [N, H, W, C]", nameof(inputs));
        int[] shape = [inputs.Size(0), inputs.Size(1), inputs.Size(2), WeightsShape[0]];
        inputs.RequireShape(shape, "inputs [N, H, W, C]", nameof(inputs));
        outputs.RequireShape(shape, "outputs [N, H, W, C]", nameof(outputs));
    }

    private protected override void AddSquares(Tensor<float> inputs, Tensor<float> outputGradients, float[] sums)
    {
        int channels = WeightsShape[0], values = inputs.Size(1) * inputs.Size(2) * channels;
        float[] scale = new float[channels], shift = new float[channels];
        for (int n = 0; n < inputs.Size(0); n++)
        {
            ReadOnlySpan<float> normalized = inputs.Values().Slice(n * values, values), gradient = outputGradients.Values().Slice(n * values, values);
            Array.Clear(scale);
            Array.Clear(shift);
            for (int pixel = 0; pixel < values; pixel += channels)
            {
                TensorPrimitives.MultiplyAdd(normalized.Slice(pixel, channels), gradient.Slice(pixel, channels), scale, scale);
                TensorPrimitives.Add(shift, gradient.Slice(pixel, channels), shift);
            }

            TensorPrimitives.MultiplyAdd(scale, scale, sums.AsSpan(0, channels), sums.AsSpan(0, channels));
            if (HasBias)
            {
                TensorPrimitives.MultiplyAdd(shift, shift, sums.AsSpan(channels, channels), sums.AsSpan(channels, channels));
            }
        }
    }

    private static int[] ScaleShape(ParameterTensors parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        parameters.Weights.RequireRank(1, "the scale [C]", nameof(parameters));
        return parameters.Weights.Shape();
    }
}
