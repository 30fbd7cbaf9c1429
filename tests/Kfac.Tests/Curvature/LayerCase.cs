using System.Numerics.Tensors;
using Kfac.Curvature;
using Kfac.Kernels;
using Kfac.Layers;
using Kfac.Networks;
using Kfac.Parallel;
using Kfac.Tests.Oracles;
using MathNet.Numerics.LinearAlgebra;
using MathNet.Numerics.LinearAlgebra.Double;

namespace Kfac.Tests.Curvature;

/// <summary>
/// One layer's inputs and the gradients at its outputs, of one or more sources, and every block that can be made of them,
/// used on its own.
/// </summary>
/// <param name="Name">For messages.</param>
/// <param name="Spec">The convolution; null for a dense layer.</param>
/// <param name="Input">Shape of an example; flat for a dense layer.</param>
/// <param name="Output">Shape of an output.</param>
/// <param name="HasBias">Whether the layer has a bias.</param>
/// <param name="Inputs">[N][H·W·C].</param>
/// <param name="Sources">[sources][N][H'·W'·K].</param>
internal sealed record LayerCase(string Name, Conv2DSpec? Spec, ImageShape Input, ImageShape Output, bool HasBias, float[][] Inputs, float[][][] Sources)
{
    public static FisherApproximation[] Approximations { get; } =
        [FisherApproximation.Diagonal, FisherApproximation.Kronecker, FisherApproximation.Ekfac, FisherApproximation.Full, FisherApproximation.NaiveDiagonal];

    public int Examples => Inputs.Length;

    /// <summary>D: number of parameters.</summary>
    public int Size => (WeightsShape[..^1].Aggregate(1, (a, b) => a * b) + (HasBias ? 1 : 0)) * Output.Channels;

    private int[] WeightsShape => Spec is { } c ? [c.KernelHeight, c.KernelWidth, Input.Channels, c.Filters] : [Input.Size, Output.Channels];

    private ParameterTensors Shapes => Parameters(new float[Size]);

    /// <summary>Gaussian inputs and gradients of a dense layer.</summary>
    public static LayerCase Dense(int examples, int features = 5, int units = 3, int sources = 2, bool bias = true) =>
        Drawn("dense", null, ImageShape.Flat(features), ImageShape.Flat(units), bias, examples, sources);

    /// <summary>Gaussian inputs and gradients of a convolution on images of 3 x 4 x 2.</summary>
    public static LayerCase Convolution(int examples, int stride = 1, Padding padding = Padding.Same, int sources = 2, bool bias = true)
    {
        var spec = new Conv2DSpec(3, 2, 2, stride, stride, padding, bias);
        var input = new ImageShape(3, 4, 2);
        return Drawn($"convolution, {padding}, stride {stride}", spec, input, spec.InferOutput(input), bias, examples, sources);
    }

    /// <summary>A case of each kind, for properties that hold for any.</summary>
    public static LayerCase[] OfEachKind(int examples) =>
    [
        Dense(examples), Dense(examples, bias: false), Convolution(examples), Convolution(examples, stride: 2, padding: Padding.Valid, bias: false),
    ];

    public FisherBlock Block(FisherApproximation approximation, LayerCollection layers)
    {
        int[] strides = Spec is { } c ? [1, c.StrideY, c.StrideX, 1] : [];
        Padding padding = Spec?.Padding ?? default;
        return (approximation, Spec) switch
        {
            (FisherApproximation.NaiveDiagonal, _) => new NaiveDiagonalFB(layers, Shapes),
            (FisherApproximation.Diagonal, null) => new FullyConnectedDiagonalFB(layers, Shapes),
            (FisherApproximation.Kronecker, null) => new FullyConnectedKFACBasicFB(layers, Shapes),
            (FisherApproximation.Ekfac, null) => new FullyConnectedEkfacFB(layers, Shapes),
            (FisherApproximation.Full, null) => new FullFB(layers, Shapes),
            (FisherApproximation.Diagonal, _) => new ConvDiagonalFB(layers, Shapes, strides, padding),
            (FisherApproximation.Kronecker, _) => new ConvKFCBasicFB(layers, Shapes, strides, padding),
            (FisherApproximation.Ekfac, _) => new ConvEkfacFB(layers, Shapes, strides, padding),
            (FisherApproximation.Full, _) => new FullFB(layers, Shapes, strides, padding),
            _ => throw new NotSupportedException(approximation.ToString()),
        };
    }

    /// <summary>A block of its own collection, with the case's statistics in it.</summary>
    public FisherBlock Instantiated(FisherApproximation approximation, float damping, bool relative = false, Workers? workers = null, params int[] minibatches)
    {
        var layers = new LayerCollection { DampingIsRelative = relative, Workers = workers ?? new Workers(1) };
        FisherBlock block = Block(approximation, layers);
        Instantiate(block, damping, minibatches);
        return block;
    }

    /// <summary>Registers the examples as minibatches of these sizes (none: all in one) and hands in the gradients.</summary>
    public void Instantiate(FisherBlock block, float damping, params int[] minibatches)
    {
        int[] sizes = minibatches.Length == 0 ? [Examples] : minibatches;
        int[] firsts = [.. sizes.Select((_, i) => sizes[..i].Sum())];
        foreach ((int first, int size) in firsts.Zip(sizes))
        {
            Tensor<float> inputs = Tensor(Inputs, Input, first, size), outputs = Tensor(Sources[0], Output, first, size);
            switch (block)
            {
                case InputOutputFB other:
                    other.RegisterAdditionalMinibatch(inputs, outputs);
                    break;
                case InputOutputDiagonalFB diagonal:
                    diagonal.RegisterAdditionalMinibatch(inputs, outputs);
                    break;
                case NaiveDiagonalFB naive:
                    naive.RegisterAdditionalMinibatch(size);
                    break;
            }
        }

        block.InstantiateFactors(
            [.. Sources.Select(source => (IReadOnlyList<Tensor<float>>)(block is NaiveDiagonalFB ? BatchGradient(source) : [.. firsts.Zip(sizes, (first, size) => Tensor(source, Output, first, size))]))],
            damping);
    }

    /// <summary>(1/N) sum over examples and sources of g gᵀ, g by the definition: loops in double precision.</summary>
    public Matrix<double> Fisher()
    {
        Matrix<double> fisher = new DenseMatrix(Size);
        foreach (float[][] source in Sources)
        {
            for (int n = 0; n < Examples; n++)
            {
                Vector<double> gradient = ExampleGradient(n, source);
                fisher += gradient.OuterProduct(gradient) / Examples;
            }
        }

        return fisher;
    }

    /// <summary>The matrix that <see cref="FisherBlock.Multiply(ParameterTensors)"/>, or its inverse, applies.</summary>
    public Matrix<double> Matrix(FisherBlock block, bool inverse = false) => Matrices.Of(Size, vector => Apply(block, vector, inverse));

    public float[] Apply(FisherBlock block, float[] vector, bool inverse)
    {
        ParameterTensors parameters = Parameters(vector);
        return Values(inverse ? block.MultiplyInverse(parameters) : block.Multiply(parameters));
    }

    /// <summary>[weights row-major | bias] as the layer's tensors.</summary>
    public ParameterTensors Parameters(float[] values)
    {
        int weights = WeightsShape.Aggregate(1, (a, b) => a * b);
        return new ParameterTensors(
            System.Numerics.Tensors.Tensor.Create(values[..weights], [.. WeightsShape.Select(size => (nint)size)]),
            HasBias ? System.Numerics.Tensors.Tensor.Create(values[weights..], [Output.Channels]) : null);
    }

    public LayerCase ScaleGradients(float scale) => this with { Sources = Scaled(Sources, scale) };

    public LayerCase ScaleInputs(float scale) => this with { Inputs = Scaled([Inputs], scale)[0] };

    /// <summary>Every example twice.</summary>
    public LayerCase Twice() => this with { Inputs = [.. Inputs, .. Inputs], Sources = [.. Sources.Select(source => (float[][])[.. source, .. source])] };

    public override string ToString() => $"{Name}{(HasBias ? "" : ", no bias")}, {Examples} examples, {Sources.Length} sources";

    private static LayerCase Drawn(string name, Conv2DSpec? spec, ImageShape input, ImageShape output, bool bias, int examples, int sources)
    {
        var random = new Random(5);
        return new LayerCase(name, spec, input, output, bias, Draw(input), [.. Enumerable.Range(0, sources).Select(_ => Draw(output))]);

        float[][] Draw(ImageShape shape) => [.. Enumerable.Range(0, examples).Select(_ => Enumerable.Range(0, shape.Size).Select(_ => (float)random.NextGaussian()).ToArray())];
    }

    private static float[][][] Scaled(float[][][] values, float scale) => [.. values.Select(source => source.Select(row => row.Select(v => scale * v).ToArray()).ToArray())];

    public static float[] Values(ParameterTensors parameters) => parameters.Bias is { } bias ? [.. parameters.Weights, .. bias] : [.. parameters.Weights];

    private Tensor<float> Tensor(float[][] rows, ImageShape shape, int first, int count)
    {
        float[] values = [.. rows[first..(first + count)].SelectMany(row => row)];
        return Spec is null
            ? System.Numerics.Tensors.Tensor.Create(values, [count, shape.Size])
            : System.Numerics.Tensors.Tensor.Create(values, [count, shape.Height, shape.Width, shape.Channels]);
    }

    private IReadOnlyList<Tensor<float>> BatchGradient(float[][] source)
    {
        Vector<double> sum = Enumerable.Range(0, Examples).Select(n => ExampleGradient(n, source)).Aggregate((a, b) => a + b);
        ParameterTensors gradient = Parameters([.. sum.Select(v => (float)v)]);
        return gradient.Bias is { } bias ? [gradient.Weights, bias] : [gradient.Weights];
    }

    private Vector<double> ExampleGradient(int n, float[][] source)
    {
        double[] x = Array.ConvertAll(Inputs[n], v => (double)v), ds = Array.ConvertAll(source[n], v => (double)v);
        if (Spec is null)
        {
            return DenseVector.OfEnumerable((HasBias ? x.Append(1) : x).SelectMany(a => ds.Select(g => a * g)));
        }

        ConvolutionGeometry g = Conv2D.GeometryOf(Spec, Input);
        double[] filter = NaiveConvolution.FilterGradient(g, x, ds);
        return DenseVector.OfEnumerable(HasBias ? filter.Concat(NaiveConvolution.BiasGradient(g, ds)) : filter);
    }
}
