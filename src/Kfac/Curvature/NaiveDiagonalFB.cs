using System.Numerics.Tensors;
using Kfac.Layers;
using Kfac.Memory;

namespace Kfac.Curvature;

/// <summary>
/// Diagonal Fisher from the batch's gradient alone: D = (1/N) (sum_n g_n)², for any kind of layer
/// (tf.contrib.kfac.fisher_blocks.NaiveDiagonalFB). Right in expectation when the labels are sampled, but of high variance:
/// the baseline that the per-example blocks are measured against.
/// </summary>
public sealed class NaiveDiagonalFB : DiagonalFB
{
    private readonly List<Tensor<float>> _parameters = [];
    private readonly List<int> _batchSizes = [];
    private readonly float[] _squares;

    /// <param name="layerCollection">The collection it joins.</param>
    /// <param name="parameters">The weights, or (weights, bias), of any shape.</param>
    public NaiveDiagonalFB(LayerCollection layerCollection, ParameterTensors parameters)
        : base(layerCollection, Shape(parameters), parameters.Bias is not null)
    {
        _parameters.Add(parameters.Weights);
        if (parameters.Bias is { } bias)
        {
            bias.RequireShape([BiasLength], "the bias", nameof(parameters));
            _parameters.Add(bias);
        }

        _squares = new float[WeightsLength + BiasLength];
    }

    internal NaiveDiagonalFB(LayerCollection layerCollection, Layer layer)
        : base(layerCollection, [.. layer.Parameters[0].Shape], layer.Parameters.Count > 1)
    {
        Layer = layer;
        _squares = new float[WeightsLength + BiasLength];
    }

    /// <inheritdoc/>
    public override int NumRegisteredMinibatches => _batchSizes.Count;

    internal override BackwardQuantities Needs => BackwardQuantities.Gradient;

    /// <summary>Adds a minibatch of <paramref name="batchSize"/> examples, which need not be the size of the others.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The size is less than 1.</exception>
    public void RegisterAdditionalMinibatch(int batchSize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        _batchSizes.Add(batchSize);
    }

    /// <summary>The parameters themselves: weights, then the bias where there is one.</summary>
    public override IReadOnlyList<Tensor<float>> TensorsToComputeGrads() => _parameters;

    /// <summary>
    /// Takes the gradients of the loss, summed over all registered minibatches, into the running average and sets the damping.
    /// </summary>
    /// <inheritdoc/>
    public override void InstantiateFactors(IReadOnlyList<IReadOnlyList<Tensor<float>>> gradsList, float damping)
    {
        ArgumentNullException.ThrowIfNull(gradsList);
        RequireDamping(damping);
        RequireSources(gradsList);
        if (_batchSizes.Count == 0)
        {
            throw new InvalidOperationException("no minibatch is registered: call RegisterAdditionalMinibatch first");
        }

        var sums = new float[_squares.Length];
        foreach (IReadOnlyList<Tensor<float>> source in gradsList)
        {
            if (source.Count != _parameters.Count)
            {
                throw new ArgumentException($"each source must give a gradient for each of the {_parameters.Count} parameters, but one gives {source.Count}", nameof(gradsList));
            }

            int offset = 0;
            for (int i = 0; i < source.Count; i++)
            {
                source[i].RequireShape(_parameters[i].Shape(), $"gradient {i}", nameof(gradsList));
                ReadOnlySpan<float> gradient = source[i].Values();
                Span<float> part = sums.AsSpan(offset, gradient.Length);
                TensorPrimitives.MultiplyAdd(gradient, gradient, part, part);
                offset += gradient.Length;
            }
        }

        UpdateFromSums(sums, _batchSizes.Sum());
        Damping = damping;
        _batchSizes.Clear();
    }

    internal override bool UpdateFromLayer(int examples, Pass pass)
    {
        // The store holds the mean gradient: (1/N) (N · mean)² = N · mean².
        int offset = 0;
        foreach (Parameter parameter in Layer!.Parameters)
        {
            Span<float> part = _squares.AsSpan(offset, parameter.Length);
            TensorPrimitives.Multiply(parameter.Gradient, (float)examples, part);
            TensorPrimitives.Multiply(part, parameter.Gradient, part);
            offset += parameter.Length;
        }

        return Factor.Update(_squares.AsSpan(0, WeightsLength), _squares.AsSpan(WeightsLength), continues: !pass.IsFirst);
    }

    private static int[] Shape(ParameterTensors parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        return parameters.Weights.Shape();
    }
}
