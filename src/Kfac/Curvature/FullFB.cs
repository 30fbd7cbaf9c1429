using System.Numerics.Tensors;
using Kfac.Kernels;
using Kfac.Layers;
using Kfac.Memory;
using Kfac.Networks;

namespace Kfac.Curvature;

/// <summary>
/// The whole Fisher of one layer, F = (1/N) sum g_n g_nᵀ over per-example gradients, dense
/// (tf.contrib.kfac.fisher_blocks.FullFB): for small layers, and to judge the other blocks by.
/// </summary>
public sealed unsafe class FullFB : InputOutputFB
{
    /// <summary>Most parameters of a layer: the matrix has their number squared.</summary>
    public const int MaxParameters = 4096;

    /// <summary>Examples whose gradients are multiplied together.</summary>
    private const int ChunkExamples = 16;

    private readonly AlignedBuffer _gradients;
    private readonly AlignedBuffer _statistic;
    private readonly AlignedBuffer[] _sums;
    private readonly BatchProduct _product;
    private readonly float[] _result;
    private AlignedBuffer _power, _nextPower;
    private SymmetricMatrix? _matrix;
    private double _preparedDamping;
    private long _examples;

    /// <summary>For a dense layer.</summary>
    /// <inheritdoc cref="FullyConnectedKFACBasicFB(LayerCollection, ParameterTensors)"/>
    public FullFB(LayerCollection layerCollection, ParameterTensors parameters)
        : this(layerCollection, DenseShape.From(parameters), layer: null)
    {
    }

    /// <summary>For a convolution.</summary>
    /// <inheritdoc cref="ConvDiagonalFB(LayerCollection, ParameterTensors, IReadOnlyList{int}, Padding, IReadOnlyList{int})"/>
    public FullFB(LayerCollection layerCollection, ParameterTensors parameters, IReadOnlyList<int> strides, Padding padding)
        : this(layerCollection, ConvolutionShape.From(parameters, strides, padding), layer: null)
    {
    }

    internal FullFB(LayerCollection layerCollection, Layer layer)
        : this(layerCollection, BlockShape.Of(layer)!, layer)
    {
    }

    private FullFB(LayerCollection layerCollection, BlockShape shape, Layer? layer)
        : base(layerCollection, shape, layer)
    {
        Size = shape.PatchLength * shape.Outputs;
        if (Size > MaxParameters)
        {
            throw new NotSupportedException($"FullFB serves layers of at most {MaxParameters} parameters, but {layer?.Name ?? "this one"} has {Size}: choose Kronecker, Ekfac or Diagonal");
        }

        Factor = FisherFactor.Matrix(Size, layerCollection);
        _gradients = new AlignedBuffer(ChunkExamples * Size);
        _statistic = new AlignedBuffer(Size * Size);
        _sums = [_statistic];
        _product = new BatchProduct(new MatrixProduct(Size, Size, ChunkExamples, transposeA: true));
        (_power, _nextPower) = (new AlignedBuffer(Size * Size), new AlignedBuffer(Size * Size));
        _result = new float[Size];
    }

    /// <summary>The running average of F [D, D], over [weights row-major | bias].</summary>
    public FisherFactor Factor { get; }

    /// <summary>D: number of parameters.</summary>
    public int Size { get; }

    internal override bool HasCurvature => Factor.HasValue;

    internal override double MeanEigenvalue
    {
        get
        {
            double trace = 0;
            for (int i = 0; i < Size; i++)
            {
                trace += Factor.Sum[i * (Size + 1)];
            }

            return trace / Size / Factor.Weight;
        }
    }

    internal override double InverseCost => Math.Pow(Size, 3);

    internal override void PrepareInverse()
    {
        _matrix = SymmetricMatrix.Of(Factor, Size);
        _preparedDamping = EffectiveDamping;
    }

    internal override void ComputeInverse(CancellationToken cancellation) => ReportRecovery(_matrix!.Raise(PreparedExponent, _preparedDamping, _nextPower.Span, cancellation));

    internal override void PublishInverse()
    {
        (_power, _nextPower) = (_nextPower, _power);
        _matrix = null;
    }

    internal override void CaptureOrRestoreInverse(StateDictionary state, string name) => state.CaptureOrRestore(name, _power.Span);

    internal override void CaptureOrRestoreNextInverse(StateDictionary state, string name) => state.CaptureOrRestore(name, _nextPower.Span);

    private protected override void BeginStatistic()
    {
        _statistic.Span.Clear();
        _examples = 0;
    }

    private protected override void AddToStatistic(Minibatch minibatch, ExampleRange examples)
    {
        for (int first = examples.First; first < examples.End; first += ChunkExamples)
        {
            int count = Math.Min(ChunkExamples, examples.End - first);
            for (int e = 0; e < count; e++)
            {
                minibatch.Chunk.WriteExampleGradient(first + e, _gradients.Pointer + e * Size, Shape.Outputs);
            }

            _product.Run(LayerCollection.Workers, Size, count, _gradients.Pointer, Size, _gradients.Pointer, Size, _statistic.Pointer, Size, accumulate: true);
        }
    }

    private protected override AlignedBuffer[] SumsOf(Minibatch minibatch) => _sums;

    private protected override void EndMinibatch(Minibatch minibatch, int examples) => _examples += minibatch.IsFirstSource ? examples : 0;

    private protected override bool EndStatistic()
    {
        TensorPrimitives.Multiply(_statistic.Span, 1f / _examples, _statistic.Span);
        return Factor.Update(_statistic.Span, []);
    }

    private protected override void MultiplyVector(float exponent)
    {
        if (exponent == PreparedExponent)
        {
            Apply(_power.Span, scale: 1, damping: 0);
        }
        else if (exponent == 1)
        {
            Apply(Factor.Sum, 1 / Factor.Weight, (float)EffectiveDamping);
        }
        else
        {
            var power = new float[_power.Length];
            ReportRecovery(SymmetricMatrix.Of(Factor, Size).Raise(exponent, EffectiveDamping, power, LayerCollection.Workers.Cancellation));
            Apply(power, scale: 1, damping: 0);
        }
    }

    /// <summary>v = scale · matrix · v + damping · v.</summary>
    private void Apply(ReadOnlySpan<float> matrix, float scale, float damping)
    {
        for (int i = 0; i < Size; i++)
        {
            _result[i] = scale * TensorPrimitives.Dot(matrix.Slice(i * Size, Size), Vector.Span) + damping * Vector.Span[i];
        }

        _result.CopyTo(Vector.Span);
    }
}
