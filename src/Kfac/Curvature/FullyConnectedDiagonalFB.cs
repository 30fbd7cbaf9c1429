using System.Numerics.Tensors;
using Kfac.Layers;

namespace Kfac.Curvature;

/// <summary>
/// Diagonal Fisher of a dense layer, exact on the diagonal: D[f, k] = (1/N) sum_n x[n, f]² ds[n, k]²
/// (tf.contrib.kfac.fisher_blocks.FullyConnectedDiagonalFB).
/// </summary>
public sealed class FullyConnectedDiagonalFB : InputOutputDiagonalFB
{
    /// <param name="layerCollection">The collection it joins.</param>
    /// <param name="parameters">The weights [F, K], or (weights, bias [K]). Only the shapes matter.</param>
    /// <exception cref="ArgumentException">A shape is not as above.</exception>
    public FullyConnectedDiagonalFB(LayerCollection layerCollection, ParameterTensors parameters)
        : base(layerCollection, MatrixShape(parameters), parameters.Bias is not null)
    {
        parameters.Bias?.RequireShape([WeightsShape[1]], "the bias", nameof(parameters));
    }

    internal FullyConnectedDiagonalFB(LayerCollection layerCollection, Dense layer)
        : base(layerCollection, [.. layer.Weights.Shape], layer.Bias is not null)
    {
        Layer = layer;
    }

    private protected override void RequireMinibatch(Tensor<float> inputs, Tensor<float> outputs)
    {
        inputs.RequireRank(2, "inputs [N, F]", nameof(inputs));
        inputs.RequireShape([inputs.Size(0), WeightsShape[0]], "inputs [N, F]", nameof(inputs));
        outputs.RequireShape([inputs.Size(0), WeightsShape[1]], "outputs [N, K]", nameof(outputs));
    }

    private protected override void AddSquares(Tensor<float> inputs, Tensor<float> outputGradients, float[] sums)
    {
        int features = WeightsShape[0], units = WeightsShape[1];
        for (int n = 0; n < inputs.Size(0); n++)
        {
            ReadOnlySpan<float> x = inputs.Values().Slice(n * features, features);
            ReadOnlySpan<float> gradient = outputGradients.Values().Slice(n * units, units);
            var squares = new float[units];
            TensorPrimitives.Multiply(gradient, gradient, squares);
            for (int f = 0; f < features; f++)
            {
                Span<float> row = sums.AsSpan(f * units, units);
                TensorPrimitives.MultiplyAdd(squares, x[f] * x[f], row, row);
            }

            if (HasBias)
            {
                Span<float> row = sums.AsSpan(WeightsLength, units);
                TensorPrimitives.Add(row, squares, row);
            }
        }
    }

    private static int[] MatrixShape(ParameterTensors parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        parameters.Weights.RequireRank(2, "the weights [F, K]", nameof(parameters));
        return parameters.Weights.Shape();
    }
}
