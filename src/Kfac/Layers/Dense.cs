using System.Numerics.Tensors;
using Kfac.Kernels;
using Kfac.Memory;
using Kfac.Networks;
using Kfac.Parallel;

namespace Kfac.Layers;

/// <summary>s = x W + b with x [F], W [F, K], b [K]; see <see cref="DenseSpec"/>.</summary>
/// <remarks>
/// Ranks that train together exchange the batch's ds and what each needs of x, and each computes some rows of the weights' gradient
/// over the whole batch: a sum's terms come in their order whoever computes it.
/// </remarks>
internal sealed unsafe class Dense : BatchLayer
{
    private BatchProduct _forward = null!;
    private BatchProduct? _toInput;
    private BatchProduct? _toWeights;
    private BatchProduct? _toSquares;
    private bool _hasOwnInputs, _hasAllInputs;

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

    /// <summary>Set when the next layer is a ReLU: it is then applied as the outputs are written.</summary>
    internal bool AppliesRelu { get; set; }

    /// <summary>Set where somebody reads all of the batch's x after a backward pass that leaves output gradients.</summary>
    internal bool HasReader { get; set; }

    internal override void AddParameters(ParameterStore store)
    {
        Weights = store.GetOrAdd($"{Name}/weights", [InputShape.Size, Spec.Units], KindOf(ParameterKind.Weights));
        Bias = Spec.UseBias ? store.GetOrAdd($"{Name}/bias", [Spec.Units], KindOf(ParameterKind.Bias)) : null;
        ParameterArray = Bias is null ? Trained(Weights) : Trained(Weights, Bias);
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

    internal override void BeginForward(ForwardPass pass) => _hasOwnInputs = _hasAllInputs = false;

    internal override void Forward(BatchPartition batch, Workers workers)
    {
        ExampleRange own = batch.Own;
        if (own.Count == 0)
        {
            return;
        }

        _forward.Run(workers, new MatrixOperands
        {
            M = own.Count,
            K = InputShape.Size,
            A = Input.Rows + own.First * Input.ImageStride,
            StrideA = Input.ImageStride,
            B = Weights.ValuesPointer,
            StrideB = Spec.Units,
            C = Output.Rows + own.First * Output.ImageStride,
            StrideC = Output.ImageStride,
            Bias = Bias is null ? null : Bias.ValuesPointer,
            Relu = AppliesRelu,
        });
    }

    internal override void Backward(BatchPartition batch, Workers workers, BackwardQuantities quantities)
    {
        GatherExamples(batch, needsAll: HasReader && quantities.HasFlag(BackwardQuantities.OutputGradients));
        if (quantities.HasFlag(BackwardQuantities.Gradient))
        {
            MeanOverExamples(_toWeights!, batch, workers, Weights.GradientPointer);
            SumBias(batch.Examples, squared: false);
        }

        if (quantities.HasFlag(BackwardQuantities.SquaredGradient))
        {
            MeanOverExamples(_toSquares!, batch, workers, Weights.SquaredGradientPointer);
            SumBias(batch.Examples, squared: true);
        }

        ExampleRange own = batch.Own;
        if (own.Count == 0)
        {
            return;
        }

        _toInput?.Run(workers, new MatrixOperands
        {
            M = own.Count,
            K = Spec.Units,
            A = OutputGradient!.Rows + own.First * OutputGradient.ImageStride,
            StrideA = OutputGradient.ImageStride,
            B = Weights.ValuesPointer,
            StrideB = Spec.Units,
            C = InputGradient!.Rows + own.First * InputGradient.ImageStride,
            StrideC = InputGradient.ImageStride,
        });
    }

    /// <summary>All ranks' ds, and, once for a forward pass, of their x the features of this rank's part of the weights, or all.</summary>
    private void GatherExamples(BatchPartition batch, bool needsAll)
    {
        if (!_hasAllInputs && (needsAll || !_hasOwnInputs))
        {
            Span<Range> wanted = stackalloc Range[batch.Communicator.Size];
            for (int rank = 0; rank < wanted.Length; rank++)
            {
                wanted[rank] = needsAll ? Range.All : FirstFeature(rank, batch.Communicator)..FirstFeature(rank + 1, batch.Communicator);
            }

            MapExchange.Gather(Input, batch, batch.Examples, wanted);
            (_hasOwnInputs, _hasAllInputs) = (true, needsAll);
        }

        MapExchange.Gather(OutputGradient!, batch, batch.Examples);
    }

    /// <summary>The first of the features whose weights' gradient <paramref name="rank"/> computes.</summary>
    private int FirstFeature(int rank, Communicator ranks) => (int)((long)rank * InputShape.Size / ranks.Size);

    /// <summary>mean[f, k] = (1/N) sum_n x[n, f] ds[n, k], or of the squares, as <paramref name="product"/> is planned; each rank computes some f.</summary>
    private void MeanOverExamples(BatchProduct product, BatchPartition batch, Workers workers, float* mean)
    {
        Communicator ranks = batch.Communicator;
        Span<int> starts = stackalloc int[ranks.Size + 1];
        for (int rank = 0; rank <= ranks.Size; rank++)
        {
            starts[rank] = FirstFeature(rank, ranks) * Spec.Units;
        }

        int first = starts[ranks.Rank], rows = (starts[ranks.Rank + 1] - first) / Spec.Units;
        if (rows > 0)
        {
            product.Run(workers, new MatrixOperands
            {
                M = rows,
                K = batch.Examples,
                A = Input.Rows + first / Spec.Units,
                StrideA = Input.ImageStride,
                B = OutputGradient!.Rows,
                StrideB = OutputGradient.ImageStride,
                C = mean + first,
                StrideC = Spec.Units,
                Scale = 1f / batch.Examples,
            });
        }

        ranks.AllGather(new Span<float>(mean, Weights.Length), starts);
    }

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
