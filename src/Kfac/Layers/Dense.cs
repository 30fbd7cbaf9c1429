using System.Numerics.Tensors;
using Kfac.Kernels;
using Kfac.Memory;
using Kfac.Networks;
using Kfac.Parallel;

namespace Kfac.Layers;

/// <summary>s = x W + b with x [F], W [F, K], b [K]; see <see cref="DenseSpec"/>.</summary>
internal sealed unsafe class Dense : BatchLayer
{
    private BatchProduct _forward = null!;
    private BatchProduct? _toInput;
    private BatchProduct? _toWeights;
    private BatchProduct? _toSquares;

    internal Dense(string name, DenseSpec spec, ImageShape input)
        : base(name, input, spec.InferOutput(input))
    {
        Spec = spec;
    }

    /// <summary>The layer's description.</summary>
    public DenseSpec Spec { get; }

    /// <summary>The weights [F, K].</summary>
    public Parameter Weights { get; private set; } = null!;

    /// <summary>The bias [K], if there is one.</summary>
    public Parameter? Bias { get; private set; }

    /// <summary>Set when the next layer is a rectifier: it is then applied as the outputs are written.</summary>
    internal bool AppliesRelu { get; set; }

    internal override void AddParameters(ParameterStore store)
    {
        Weights = store.GetOrAdd($"{Name}/weights", [InputShape.Size, Spec.Units], ParameterKind.Weights);
        Bias = Spec.UseBias ? store.GetOrAdd($"{Name}/bias", [Spec.Units], ParameterKind.Bias) : null;
        ParameterArray = Bias is null ? [Weights] : [Weights, Bias];
    }

    internal override void Initialize(int seed, int index) => InitializeHe(Weights, InputShape.Size, seed, index);

    internal override void Connect(ActivationBuffer input, ActivationBuffer output, ActivationBuffer? inputGradient, ActivationBuffer? outputGradient, AlignedBuffer[] scratch)
    {
        base.Connect(input, output, inputGradient, outputGradient, scratch);
        int batch = input.Capacity, features = InputShape.Size, units = Spec.Units;
        _forward = new BatchProduct(new MatrixProduct(batch, units, features));
        if (outputGradient is not null)
        {
            _toWeights = new BatchProduct(new MatrixProduct(features, units, batch, transposeA: true));
            _toSquares = new BatchProduct(new MatrixProduct(features, units, batch, transposeA: true, squareA: true, squareB: true));
        }

        if (inputGradient is not null)
        {
            _toInput = new BatchProduct(new MatrixProduct(batch, features, units, transposeB: true));
        }
    }

    internal override void Forward(int examples, Workers workers) =>
        _forward.Run(workers, new MatrixOperands
        {
            M = examples,
            K = InputShape.Size,
            A = Input.Rows,
            StrideA = Input.ImageStride,
            B = Weights.ValuesPointer,
            StrideB = Spec.Units,
            C = Output.Rows,
            StrideC = Output.ImageStride,
            Bias = Bias is null ? null : Bias.ValuesPointer,
            Relu = AppliesRelu,
        });

    internal override void Backward(int examples, Workers workers, BackwardQuantities quantities)
    {
        if (quantities.HasFlag(BackwardQuantities.Gradient))
        {
            MeanOverExamples(_toWeights!, examples, workers, Weights.GradientPointer);
            SumBias(examples, squared: false);
        }

        if (quantities.HasFlag(BackwardQuantities.SquaredGradient))
        {
            MeanOverExamples(_toSquares!, examples, workers, Weights.SquaredGradientPointer);
            SumBias(examples, squared: true);
        }

        _toInput?.Run(workers, new MatrixOperands
        {
            M = examples,
            K = Spec.Units,
            A = OutputGradient!.Rows,
            StrideA = OutputGradient.ImageStride,
            B = Weights.ValuesPointer,
            StrideB = Spec.Units,
            C = InputGradient!.Rows,
            StrideC = InputGradient.ImageStride,
        });
    }

    /// <summary>mean[f, k] = (1/N) sum_n x[n, f] ds[n, k], or of the squares, as <paramref name="product"/> is planned.</summary>
    private void MeanOverExamples(BatchProduct product, int examples, Workers workers, float* mean) =>
        product.Run(workers, new MatrixOperands
        {
            M = InputShape.Size,
            K = examples,
            A = Input.Rows,
            StrideA = Input.ImageStride,
            B = OutputGradient!.Rows,
            StrideB = OutputGradient.ImageStride,
            C = mean,
            StrideC = Spec.Units,
            Scale = 1f / examples,
        });

    /// <summary>mean[k] = (1/N) sum_n ds[n, k], or of the squares.</summary>
    private void SumBias(int examples, bool squared)
    {
        if (Bias is null)
        {
            return;
        }

        var mean = new Span<float>(squared ? Bias.SquaredGradientPointer : Bias.GradientPointer, Bias.Length);
        mean.Clear();
        for (int n = 0; n < examples; n++)
        {
            Span<float> row = OutputGradient!.Row(n, 0);
            if (squared)
            {
                TensorPrimitives.MultiplyAdd(row, row, mean, mean);
            }
            else
            {
                TensorPrimitives.Add(mean, row, mean);
            }
        }

        TensorPrimitives.Multiply(mean, 1f / examples, mean);
    }
}
