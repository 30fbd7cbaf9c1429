using System.Numerics.Tensors;
using Kfac.Kernels;
using Kfac.Layers;
using Kfac.Memory;
using Kfac.Networks;

namespace Kfac.Curvature;

/// <summary>
/// What a block knows of its layer: the parameters seen as one matrix [P, K] (weights row-major, the bias as the last
/// row) and how inputs and output gradients become matrices of <see cref="LayerRows"/>.
/// </summary>
/// <param name="WeightsShape">Shape of the weights, outputs last.</param>
/// <param name="HasBias">Whether a bias [K] belongs to it.</param>
internal abstract record BlockShape(int[] WeightsShape, bool HasBias)
{
    /// <summary>K.</summary>
    public int Outputs => WeightsShape[^1];

    /// <summary>P: values that an output location sees, the bias's 1 included.</summary>
    public int PatchLength => WeightsShape[..^1].Aggregate(1, (a, b) => a * b) + (HasBias ? 1 : 0);

    /// <summary>The shape that <paramref name="layer"/> has, with the buffers it reads and writes.</summary>
    /// <returns>Null where the layer is of another kind, or a convolution in groups.</returns>
    public static BlockShape? Of(Layer layer) => layer switch
    {
        Conv2D { Spec.Groups: 1 } convolution => new ConvolutionShape(convolution.Spec, convolution.InputShape.Channels),
        Dense dense => new DenseShape(dense.InputShape.Size, dense.Spec.Units, dense.Bias is not null),
        _ => null,
    };

    /// <exception cref="ArgumentException">A shape is not that of the layer's inputs or outputs.</exception>
    public abstract void RequireMinibatch(Tensor<float> inputs, Tensor<float> outputs);

    /// <summary>The rows of what lies in a layer's buffers.</summary>
    public abstract LayerRows Rows(ActivationBuffer inputs, ActivationBuffer outputGradients);

    /// <summary>The rows of a minibatch that <see cref="RequireMinibatch"/> has accepted.</summary>
    public abstract LayerRows Rows(Tensor<float> inputs, Tensor<float> outputGradients);

    private protected static ActivationBuffer Load(Tensor<float> tensor, ImageShape shape, Halo halo)
    {
        int examples = tensor.Size(0);
        var buffer = new ActivationBuffer(shape, halo, examples);
        for (int n = 0; n < examples; n++)
        {
            buffer.Write(n, tensor.Values().Slice(n * shape.Size, shape.Size));
        }

        return buffer;
    }
}

/// <summary>A convolution: filter [R, S, C, K], inputs [N, H, W, C], outputs [N, H', W', K].</summary>
internal sealed record ConvolutionShape(Conv2DSpec Spec, int Channels)
    : BlockShape([Spec.KernelHeight, Spec.KernelWidth, Channels, Spec.Filters], Spec.UseBias)
{
    /// <summary>The shape that tf.contrib.kfac's arguments tell.</summary>
    /// <exception cref="ArgumentException">A shape or a stride is not as documented at <see cref="ConvDiagonalFB"/>.</exception>
    public static ConvolutionShape From(ParameterTensors parameters, IReadOnlyList<int> strides, Padding padding)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        parameters.Weights.RequireRank(4, "the filter [R, S, C, K]", nameof(parameters));
        int[] filter = parameters.Weights.Shape();
        parameters.Bias?.RequireShape([filter[3]], "the bias", nameof(parameters));
        ArgumentNullException.ThrowIfNull(strides);
        if (strides.Count != 4 || strides[0] != 1 || strides[3] != 1 || strides[1] < 1 || strides[2] < 1)
        {
            throw new ArgumentException($"strides must be [1, sy, sx, 1] with positive sy and sx, but are [{string.Join(", ", strides)}]", nameof(strides));
        }

        return new ConvolutionShape(new Conv2DSpec(filter[3], filter[0], filter[1], strides[1], strides[2], padding, parameters.Bias is not null), filter[2]);
    }

    public ConvolutionGeometry Geometry(int height, int width) => Conv2D.GeometryOf(Spec, new ImageShape(height, width, Channels));

    public override void RequireMinibatch(Tensor<float> inputs, Tensor<float> outputs)
    {
        inputs.RequireRank(4, "inputs [N, H, W, C]", nameof(inputs));
        ConvolutionGeometry g = Geometry(inputs.Size(1), inputs.Size(2));
        inputs.RequireShape([inputs.Size(0), g.H, g.W, Channels], "inputs [N, H, W, C]", nameof(inputs));
        outputs.RequireShape([inputs.Size(0), g.OutH, g.OutW, g.K], "outputs [N, H', W', K]", nameof(outputs));
    }

    public override LayerRows Rows(ActivationBuffer inputs, ActivationBuffer outputGradients) =>
        new ConvolutionRows(Geometry(inputs.Shape.Height, inputs.Shape.Width), inputs, outputGradients, HasBias);

    public override LayerRows Rows(Tensor<float> inputs, Tensor<float> outputGradients)
    {
        ConvolutionGeometry g = Geometry(inputs.Size(1), inputs.Size(2));
        var halo = new Halo(g.PadTop, g.PadLeft, g.PadBottom, g.PadRight);
        return Rows(Load(inputs, new ImageShape(g.H, g.W, g.C), halo), Load(outputGradients, new ImageShape(g.OutH, g.OutW, g.K), default));
    }
}

/// <summary>A dense layer: weights [F, K], inputs [N, F], outputs [N, K].</summary>
internal sealed record DenseShape(int Features, int Units, bool HasBias) : BlockShape([Features, Units], HasBias)
{
    /// <exception cref="ArgumentException">The weights are not [F, K] or the bias is not [K].</exception>
    public static DenseShape From(ParameterTensors parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        parameters.Weights.RequireRank(2, "the weights [F, K]", nameof(parameters));
        parameters.Bias?.RequireShape([parameters.Weights.Size(1)], "the bias", nameof(parameters));
        return new DenseShape(parameters.Weights.Size(0), parameters.Weights.Size(1), parameters.Bias is not null);
    }

    public override void RequireMinibatch(Tensor<float> inputs, Tensor<float> outputs)
    {
        inputs.RequireRank(2, "inputs [N, F]", nameof(inputs));
        inputs.RequireShape([inputs.Size(0), Features], "inputs [N, F]", nameof(inputs));
        outputs.RequireShape([inputs.Size(0), Units], "outputs [N, K]", nameof(outputs));
    }

    public override LayerRows Rows(ActivationBuffer inputs, ActivationBuffer outputGradients) => new DenseRows(inputs, outputGradients, HasBias);

    public override LayerRows Rows(Tensor<float> inputs, Tensor<float> outputGradients) =>
        Rows(Load(inputs, ImageShape.Flat(Features), default), Load(outputGradients, ImageShape.Flat(Units), default));
}
