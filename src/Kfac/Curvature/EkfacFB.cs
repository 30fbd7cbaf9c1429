using System.Numerics.Tensors;
using Kfac.Kernels;
using Kfac.Layers;
using Kfac.Memory;
using Kfac.Networks;
using Kfac.Parallel;
using MathNet.Numerics;

namespace Kfac.Curvature;

/// <summary>
/// Eigenvalue-corrected Kronecker factors (George et al. 2018): in the eigenbasis Q_A ⊗ Q_G of the two covariances, the
/// Fisher's own diagonal S = (1/N) sum_n (Q_Aᵀ g_n Q_G)², which is <see cref="ConvDiagonalFB"/>'s statistic in that basis.
/// (F + λI)^p V = Q_A ((Q_Aᵀ V Q_G) ∘ (S + λ)^p) Q_Gᵀ. No Kronecker product of factors is closer to F in that basis.
/// </summary>
/// <remarks>With a new basis, S starts from T times the products of the factors' eigenvalues, and keeps its weight.</remarks>
public abstract unsafe class EkfacFB : InputOutputFB
{
    private readonly KroneckerFactors _factors;
    private readonly AlignedBuffer _statistic;
    private readonly AlignedBuffer _product;
    private readonly BatchProduct _rotateLeft, _rotateRight, _backLeft, _backRight;
    private AlignedBuffer _inputBasis, _gradientBasis, _nextInputBasis, _nextGradientBasis;
    private SymmetricMatrix? _inputs, _gradients;
    private double[] _inputEigenvalues = [], _gradientEigenvalues = [];
    private RotatedExamples? _examples;
    private RotatedRows? _rows;
    private AlignedBuffer[]? _sums, _sumsOfFurtherSource;
    private long _count;
    private bool _hasBasis;

    private protected EkfacFB(LayerCollection layerCollection, BlockShape shape, Layer? layer)
        : base(layerCollection, shape, layer)
    {
        int p = shape.PatchLength, k = shape.Outputs;
        _factors = new KroneckerFactors(p, k, layerCollection);
        Eigenvalues = new FisherFactor(p * k, layerCollection);
        _statistic = new AlignedBuffer(p * k);
        _product = new AlignedBuffer(p * k);
        _rotateLeft = new BatchProduct(new MatrixProduct(p, k, p, transposeA: true));
        _backLeft = new BatchProduct(new MatrixProduct(p, k, p));
        _rotateRight = new BatchProduct(new MatrixProduct(p, k, k));
        _backRight = new BatchProduct(new MatrixProduct(p, k, k, transposeB: true));
        (_inputBasis, _nextInputBasis) = (new AlignedBuffer(p * p), new AlignedBuffer(p * p));
        (_gradientBasis, _nextGradientBasis) = (new AlignedBuffer(k * k), new AlignedBuffer(k * k));
    }

    /// <summary>The running average of A [P, P], the covariance of the layer's input patches, the bias's 1 last.</summary>
    public FisherFactor InputFactor => _factors.Inputs;

    /// <summary>The running average of G [K, K], the covariance of the gradients at the layer's outputs.</summary>
    public FisherFactor OutputFactor => _factors.Gradients;

    /// <summary>The running average of S [P, K], the second moments of the per-example gradients in the eigenbasis.</summary>
    public FisherFactor Eigenvalues { get; }

    internal override bool HasCurvature => _factors.Inputs.HasValue;

    internal override double MeanEigenvalue => TensorPrimitives.Sum(Eigenvalues.Sum) / Eigenvalues.Length / Eigenvalues.Weight;

    internal override double InverseCost => _factors.DecompositionCost;

    internal override bool InverseHasDamping => false;

    internal override void PrepareInverse()
    {
        _inputs = SymmetricMatrix.Of(_factors.Inputs, _factors.PatchLength);
        _gradients = SymmetricMatrix.Of(_factors.Gradients, _factors.Outputs);
    }

    internal override void ComputeInverse(CancellationToken cancellation)
    {
        try
        {
            _inputEigenvalues = _inputs!.Decompose(_nextInputBasis.Span, cancellation);
            _gradientEigenvalues = _gradients!.Decompose(_nextGradientBasis.Span, cancellation);
        }
        catch (NonConvergenceException)
        {
            _inputEigenvalues = [];
            ReportRecovery("the eigenvectors of a factor were not found; the last basis stays");
        }
    }

    internal override void PublishInverse()
    {
        _inputs = _gradients = null;
        if (_inputEigenvalues.Length == 0)
        {
            _hasBasis = _hasBasis ? true : throw new InvalidOperationException("the eigenvectors of a factor could not be found");
            return;
        }

        (_inputBasis, _nextInputBasis) = (_nextInputBasis, _inputBasis);
        (_gradientBasis, _nextGradientBasis) = (_nextGradientBasis, _gradientBasis);
        _hasBasis = true;
        int k = _factors.Outputs;
        for (int i = 0; i < _statistic.Length; i++)
        {
            _statistic.Span[i] = (float)(_factors.Locations * _inputEigenvalues[i / k] * _gradientEigenvalues[i % k]);
        }

        Eigenvalues.Replace(_statistic.Span);
    }

    internal override void CaptureOrRestore(StateDictionary state, string name)
    {
        base.CaptureOrRestore(state, name);
        _factors.CaptureOrRestore(state, name);
    }

    internal override void CaptureOrRestoreInverse(StateDictionary state, string name)
    {
        state.CaptureOrRestore($"{name}.hasBasis", ref _hasBasis);
        state.CaptureOrRestore($"{name}.inputs", _inputBasis.Span);
        state.CaptureOrRestore($"{name}.gradients", _gradientBasis.Span);
        state.RequirePossible(_hasBasis);
    }

    internal override void CaptureOrRestoreNextInverse(StateDictionary state, string name)
    {
        bool wasFound = _inputEigenvalues.Length > 0;
        state.CaptureOrRestore($"{name}.wasFound", ref wasFound);
        if (!wasFound)
        {
            _inputEigenvalues = [];
            return;
        }

        Array.Resize(ref _inputEigenvalues, _factors.PatchLength);
        Array.Resize(ref _gradientEigenvalues, _factors.Outputs);
        state.CaptureOrRestore<double>($"{name}.inputEigenvalues", _inputEigenvalues);
        state.CaptureOrRestore<double>($"{name}.gradientEigenvalues", _gradientEigenvalues);
        state.CaptureOrRestore($"{name}.inputs", _nextInputBasis.Span);
        state.CaptureOrRestore($"{name}.gradients", _nextGradientBasis.Span);
    }

    /// <summary>Inside the trainer the second moments are taken as soon as there is a basis.</summary>
    private bool SeesEigenvalues => _hasBasis && Layer is not null;

    private protected override void BeginStatistic()
    {
        _factors.Begin();
        BeginEigenvalues();
    }

    private protected override void AddToStatistic(Minibatch minibatch, ExampleRange examples)
    {
        _factors.Add(minibatch.Rows, minibatch.Chunk, examples, patches: minibatch.IsFirstSource);
        if (SeesEigenvalues)
        {
            AddEigenvalues(minibatch, examples);
        }
    }

    private protected override AlignedBuffer[] SumsOf(Minibatch minibatch)
    {
        AlignedBuffer[] sums = _factors.SumsOf(minibatch.Chunk, minibatch.IsFirstSource);
        if (!SeesEigenvalues)
        {
            return sums;
        }

        return minibatch.IsFirstSource ? _sums ??= [.. sums, _statistic] : _sumsOfFurtherSource ??= [.. sums, _statistic];
    }

    private protected override void EndMinibatch(Minibatch minibatch, int examples)
    {
        _factors.EndMinibatch(minibatch.Rows, minibatch.Chunk, examples, patches: minibatch.IsFirstSource);
        _count += SeesEigenvalues && minibatch.IsFirstSource ? examples : 0;
    }

    private protected override bool EndStatistic() => _factors.End() && (_count == 0 || EndEigenvalues());

    /// <summary>On its own, the block takes the second moments of what it has just seen in the basis of what it has just seen.</summary>
    private protected override void RefineStatistic(IReadOnlyList<Minibatch> minibatches)
    {
        BeginEigenvalues();
        foreach (Minibatch minibatch in minibatches)
        {
            AddEigenvalues(minibatch, new ExampleRange(0, minibatch.Rows.Capacity));
            _count += minibatch.IsFirstSource ? minibatch.Rows.Capacity : 0;
        }

        EndEigenvalues();
    }

    private void BeginEigenvalues()
    {
        _statistic.Span.Clear();
        _count = 0;
    }

    private void AddEigenvalues(Minibatch minibatch, ExampleRange examples)
    {
        RowChunk chunk = minibatch.Chunk;
        if (minibatch.Rows.Locations == 1)
        {
            _rows = _rows?.MaxRows >= chunk.MaxRows ? _rows : new RotatedRows(_factors, LayerCollection.Workers, chunk.MaxRows);
            _rows.Add(chunk, examples, _inputBasis, _gradientBasis, _statistic);
        }
        else
        {
            _examples ??= new RotatedExamples(_factors, LayerCollection.Workers);
            _examples.Add(chunk, examples, _inputBasis, _gradientBasis, _statistic);
        }
    }

    private bool EndEigenvalues()
    {
        TensorPrimitives.Multiply(_statistic.Span, 1f / _count, _statistic.Span);
        return Eigenvalues.Update(_statistic.Span, []);
    }

    private protected override void MultiplyVector(float exponent)
    {
        int p = _factors.PatchLength, k = _factors.Outputs;
        Workers workers = LayerCollection.Workers;
        _rotateLeft.Run(workers, p, p, _inputBasis.Pointer, p, Vector.Pointer, k, _product.Pointer, k);
        _rotateRight.Run(workers, p, k, _product.Pointer, k, _gradientBasis.Pointer, k, Vector.Pointer, k);
        ScaleByEigenvalues(exponent, (float)EffectiveDamping);
        _backLeft.Run(workers, p, p, _inputBasis.Pointer, p, Vector.Pointer, k, _product.Pointer, k);
        _backRight.Run(workers, p, k, _product.Pointer, k, _gradientBasis.Pointer, k, Vector.Pointer, k);
    }

    /// <summary>v *= (S + λ)^p.</summary>
    private void ScaleByEigenvalues(float exponent, float damping)
    {
        ReadOnlySpan<float> sum = Eigenvalues.Sum;
        float weight = Eigenvalues.Weight;
        Span<float> vector = Vector.Span;
        for (int i = 0; i < vector.Length; i++)
        {
            float eigenvalue = sum[i] / weight + damping;
            vector[i] = exponent switch
            {
                -1 => vector[i] / eigenvalue,
                -0.5f => vector[i] / MathF.Sqrt(eigenvalue),
                1 => vector[i] * eigenvalue,
                _ => vector[i] * MathF.Pow(eigenvalue, exponent),
            };
        }
    }
}

/// <summary>
/// <see cref="EkfacFB"/> of a dense layer; one location to an example, so that the rotated gradient is a product of two
/// rotated vectors.
/// </summary>
public sealed class FullyConnectedEkfacFB : EkfacFB
{
    /// <inheritdoc cref="FullyConnectedKFACBasicFB(LayerCollection, ParameterTensors)"/>
    public FullyConnectedEkfacFB(LayerCollection layerCollection, ParameterTensors parameters)
        : base(layerCollection, DenseShape.From(parameters), layer: null)
    {
    }

    internal FullyConnectedEkfacFB(LayerCollection layerCollection, Dense layer)
        : base(layerCollection, BlockShape.Of(layer)!, layer)
    {
    }
}

/// <summary><see cref="EkfacFB"/> of a convolution; an example's gradient is summed over its locations before it is rotated.</summary>
public sealed class ConvEkfacFB : EkfacFB
{
    /// <inheritdoc cref="ConvDiagonalFB(LayerCollection, ParameterTensors, IReadOnlyList{int}, Padding, IReadOnlyList{int})"/>
    public ConvEkfacFB(LayerCollection layerCollection, ParameterTensors parameters, IReadOnlyList<int> strides, Padding padding)
        : base(layerCollection, ConvolutionShape.From(parameters, strides, padding), layer: null)
    {
    }

    internal ConvEkfacFB(LayerCollection layerCollection, Conv2D layer)
        : base(layerCollection, BlockShape.Of(layer)!, layer)
    {
    }
}
