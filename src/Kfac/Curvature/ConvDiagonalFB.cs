using System.Numerics.Tensors;
using Kfac.Kernels;
using Kfac.Layers;
using Kfac.Memory;
using Kfac.Networks;

namespace Kfac.Curvature;

/// <summary>
/// Diagonal Fisher of a convolution by the low-variance "sum of squares" estimator
/// (tf.contrib.kfac.fisher_blocks.ConvDiagonalFB, TensorFlow r1.6):
/// D[k', k] = (1/N) sum_n (sum_loc P[n, loc, k'] ds[n, loc, k])². An example's gradient is summed over all locations
/// first, then squared, then averaged over the examples.
/// </summary>
/// <remarks>
/// Patches P run over (r, s, c), c fastest; zeros pad the border, also for the bias, whose patch entry is 1 everywhere.
/// The average is over all examples of all registered minibatches, and there is no division by the number of locations T.
/// Where minibatches have inputs of a multiple of the filter's C channels, the convolution is one in as many groups.
/// </remarks>
public sealed unsafe class ConvDiagonalFB : InputOutputDiagonalFB
{
    private readonly Conv2DSpec _convolution;
    private int _locations;

    /// <param name="layerCollection">The collection it joins.</param>
    /// <param name="parameters">The filter [R, S, C, K], or (filter, bias [K]). Only the shapes matter.</param>
    /// <param name="strides">[1, sy, sx, 1].</param>
    /// <param name="padding">SAME, VALID or symmetric.</param>
    /// <param name="dilations">[1, dy, dx, 1]; null for none (an argument of later releases).</param>
    /// <exception cref="ArgumentException">A shape, a stride or a dilation is not as above.</exception>
    public ConvDiagonalFB(
        LayerCollection layerCollection, ParameterTensors parameters, IReadOnlyList<int> strides, Padding padding, IReadOnlyList<int>? dilations = null)
        : base(layerCollection, FilterShape(parameters), parameters.Bias is not null)
    {
        parameters.Bias?.RequireShape([WeightsShape[3]], "the bias", nameof(parameters));
        (int strideY, int strideX) = RowsAndColumns(strides, "strides", "sy and sx", nameof(strides));
        (int dilationY, int dilationX) = dilations is null ? (1, 1) : RowsAndColumns(dilations, "dilations", "dy and dx", nameof(dilations));
        _convolution = new Conv2DSpec(WeightsShape[3], WeightsShape[0], WeightsShape[1], strideY, strideX, padding, HasBias, dilationY, dilationX);
    }

    internal ConvDiagonalFB(LayerCollection layerCollection, Conv2D layer)
        : base(layerCollection, [.. layer.Filter.Shape], layer.Bias is not null)
    {
        Layer = layer;
        _convolution = layer.Spec;
        _locations = LocationsR16(layer.InputShape.Height, layer.InputShape.Width);
    }

    private protected override int DampingDivisor => LayerCollection.Averaging == AveragingConvention.TensorFlowR16 ? _locations : 1;

    private protected override void RequireMinibatch(Tensor<float> inputs, Tensor<float> outputs)
    {
        inputs.RequireRank(4, "inputs [N, H, W, C]", nameof(inputs));
        int groups = Groups(inputs), channels = WeightsShape[2] * (WeightsShape[3] % groups == 0 ? groups : 1);
        inputs.RequireShape([inputs.Size(0), inputs.Size(1), inputs.Size(2), channels], "inputs [N, H, W, C]", nameof(inputs));
        ConvolutionGeometry g = Geometry(inputs);
        outputs.RequireShape([inputs.Size(0), g.OutH, g.OutW, g.K], "outputs [N, H', W', K]", nameof(outputs));
        _locations = LocationsR16(g.H, g.W);
    }

    private protected override void AddSquares(Tensor<float> inputs, Tensor<float> outputGradients, float[] sums)
    {
        ConvolutionGeometry g = Geometry(inputs);
        IConvolutionKernel kernel = IConvolutionKernel.For(g);
        var image = new ActivationBuffer(new ImageShape(g.H, g.W, g.C), kernel.InputHalo, capacity: 1);
        var gradient = new ActivationBuffer(new ImageShape(g.OutH, g.OutW, g.K), default, capacity: 1);
        var scratch = new AlignedBuffer(kernel.ScratchLength);
        fixed (float* squares = sums)
        {
            var destination = new FilterGradientTarget(null, squares, null, HasBias ? squares + WeightsLength : null);
            for (int n = 0; n < inputs.Size(0); n++)
            {
                image.Write(0, inputs.Values().Slice(n * image.Shape.Size, image.Shape.Size));
                gradient.Write(0, outputGradients.Values().Slice(n * gradient.Shape.Size, gradient.Shape.Size));
                kernel.BackwardFilter(image[0], gradient[0], destination, scratch.Pointer);
            }
        }
    }

    private static int[] FilterShape(ParameterTensors parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        parameters.Weights.RequireRank(4, "the filter [R, S, C, K]", nameof(parameters));
        return parameters.Weights.Shape();
    }

    private ConvolutionGeometry Geometry(Tensor<float> inputs) =>
        Conv2D.GeometryOf(_convolution with { Groups = Groups(inputs) }, new ImageShape(inputs.Size(1), inputs.Size(2), inputs.Size(3)));

    /// <summary>How many times the inputs have the filter's channels.</summary>
    private int Groups(Tensor<float> inputs) => Math.Max(1, inputs.Size(3) / Math.Max(1, WeightsShape[2]));

    private static (int Y, int X) RowsAndColumns(IReadOnlyList<int> values, string what, string names, string parameterName)
    {
        ArgumentNullException.ThrowIfNull(values, parameterName);
        return values.Count == 4 && values[0] == 1 && values[3] == 1 && values[1] >= 1 && values[2] >= 1
            ? (values[1], values[2])
            : throw new ArgumentException($"{what} must be [1, {names.Replace(" and ", ", ")}, 1] with positive {names}, but are [{string.Join(", ", values)}]", parameterName);
    }

    /// <summary>T as TensorFlow r1.6 counted it, whatever the padding.</summary>
    private int LocationsR16(int height, int width) => Math.Max(1, height * width / (_convolution.StrideY * _convolution.StrideX));
}
