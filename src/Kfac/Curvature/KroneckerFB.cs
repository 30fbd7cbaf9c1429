using System.Numerics.Tensors;
using Kfac.Kernels;
using Kfac.Layers;
using Kfac.Memory;
using Kfac.Networks;

namespace Kfac.Curvature;

/// <summary>
/// F + λI ≈ T·A' ⊗ G' with A' = A + π√(λ/T) I, G' = G + √(λ/T)/π I, π² = mean eigenvalue of A / that of G (factored Tikhonov
/// damping: Martens and Grosse 2015, section 6.3). Its power p maps V to T^p A'^p V G'^p.
/// </summary>
public abstract unsafe class KroneckerFB : InputOutputFB
{
    private readonly KroneckerFactors _factors;
    private readonly BatchProduct _timesLeft;
    private readonly BatchProduct _timesRight;
    private readonly AlignedBuffer _product;
    private AlignedBuffer _inputPower, _gradientPower, _nextInputPower, _nextGradientPower;
    private SymmetricMatrix? _inputs, _gradients;
    private (double Inputs, double Gradients) _factorDamping;

    private protected KroneckerFB(LayerCollection layerCollection, BlockShape shape, Layer? layer)
        : base(layerCollection, shape, layer)
    {
        int p = shape.PatchLength, k = shape.Outputs;
        _factors = new KroneckerFactors(p, k, layerCollection);
        _timesLeft = new BatchProduct(new MatrixProduct(p, k, p));
        _timesRight = new BatchProduct(new MatrixProduct(p, k, k));
        _product = new AlignedBuffer(Vector.Length);
        (_inputPower, _nextInputPower) = (new AlignedBuffer(p * p), new AlignedBuffer(p * p));
        (_gradientPower, _nextGradientPower) = (new AlignedBuffer(k * k), new AlignedBuffer(k * k));
    }

    /// <summary>The running average of A [P, P], the covariance of the layer's input patches, the bias's 1 last.</summary>
    public FisherFactor InputFactor => _factors.Inputs;

    /// <summary>The running average of G [K, K], the covariance of the gradients at the layer's outputs.</summary>
    public FisherFactor OutputFactor => _factors.Gradients;

    internal override bool HasCurvature => _factors.Inputs.HasValue;

    internal override double MeanEigenvalue => _factors.MeanEigenvalue;

    internal override double InverseCost => _factors.DecompositionCost;

    internal override void PrepareInverse()
    {
        _inputs = SymmetricMatrix.Of(_factors.Inputs, _factors.PatchLength);
        _gradients = SymmetricMatrix.Of(_factors.Gradients, _factors.Outputs);
        _factorDamping = _factors.Damping(EffectiveDamping);
    }

    internal override void ComputeInverse(CancellationToken cancellation)
    {
        string? first = _inputs!.Raise(PreparedExponent, _factorDamping.Inputs, _nextInputPower.Span, cancellation);
        string? second = _gradients!.Raise(PreparedExponent, _factorDamping.Gradients, _nextGradientPower.Span, cancellation);
        ReportRecovery(first is null ? null : $"A: {first}");
        ReportRecovery(second is null ? null : $"G: {second}");
    }

    private protected override void BeginStatistic() => _factors.Begin();

    private protected override void AddToStatistic(Minibatch minibatch, ExampleRange examples) =>
        _factors.Add(minibatch.Rows, minibatch.Chunk, examples, patches: minibatch.IsFirstSource);

    private protected override AlignedBuffer[] SumsOf(Minibatch minibatch) => _factors.SumsOf(minibatch.Chunk, patches: minibatch.IsFirstSource);

    private protected override void EndMinibatch(Minibatch minibatch, int examples) =>
        _factors.EndMinibatch(minibatch.Rows, minibatch.Chunk, examples, patches: minibatch.IsFirstSource);

    private protected override bool EndStatistic() => _factors.End();

    internal override void PublishInverse()
    {
        (_inputPower, _nextInputPower) = (_nextInputPower, _inputPower);
        (_gradientPower, _nextGradientPower) = (_nextGradientPower, _gradientPower);
        _inputs = _gradients = null;
    }

    internal override void CaptureOrRestore(StateDictionary state, string name)
    {
        base.CaptureOrRestore(state, name);
        _factors.CaptureOrRestore(state, name);
    }

    internal override void CaptureOrRestoreInverse(StateDictionary state, string name) => CaptureOrRestore(state, name, _inputPower, _gradientPower);

    internal override void CaptureOrRestoreNextInverse(StateDictionary state, string name) => CaptureOrRestore(state, name, _nextInputPower, _nextGradientPower);

    private static void CaptureOrRestore(StateDictionary state, string name, AlignedBuffer inputs, AlignedBuffer gradients)
    {
        state.CaptureOrRestore($"{name}.inputs", inputs.Span);
        state.CaptureOrRestore($"{name}.gradients", gradients.Span);
    }

    private protected override void MultiplyVector(float exponent)
    {
        float scale = MathF.Pow(_factors.Locations, exponent);
        if (exponent == PreparedExponent)
        {
            Apply(_inputPower, _gradientPower, scale);
            return;
        }

        (double onInputs, double onGradients) = _factors.Damping(EffectiveDamping);
        Apply(Power(_factors.Inputs, _factors.PatchLength, onInputs), Power(_factors.Gradients, _factors.Outputs, onGradients), scale);

        AlignedBuffer Power(FisherFactor factor, int size, double damping)
        {
            var power = new AlignedBuffer(size * size);
            ReportRecovery(SymmetricMatrix.Of(factor, size).Raise(exponent, damping, power.Span, LayerCollection.Workers.Cancellation));
            return power;
        }
    }

    /// <summary>V = scale · left · V · right.</summary>
    private void Apply(AlignedBuffer left, AlignedBuffer right, float scale)
    {
        int p = _factors.PatchLength, k = _factors.Outputs;
        _timesLeft.Run(LayerCollection.Workers, p, p, left.Pointer, p, Vector.Pointer, k, _product.Pointer, k);
        _timesRight.Run(LayerCollection.Workers, p, k, _product.Pointer, k, right.Pointer, k, Vector.Pointer, k);
        TensorPrimitives.Multiply(Vector.Span, scale, Vector.Span);
    }
}

/// <summary>
/// Kronecker-factored Fisher of a dense layer: A ⊗ G, A = (1/N) sum a aᵀ, G = (1/N) sum ds dsᵀ
/// (tf.contrib.kfac.fisher_blocks.FullyConnectedKFACBasicFB; Martens and Grosse 2015).
/// </summary>
public sealed class FullyConnectedKFACBasicFB : KroneckerFB
{
    /// <param name="layerCollection">The collection it joins.</param>
    /// <param name="parameters">The weights [F, K], or (weights, bias [K]). Only the shapes matter.</param>
    /// <exception cref="ArgumentException">A shape is not as above.</exception>
    public FullyConnectedKFACBasicFB(LayerCollection layerCollection, ParameterTensors parameters)
        : base(layerCollection, DenseShape.From(parameters), layer: null)
    {
    }

    internal FullyConnectedKFACBasicFB(LayerCollection layerCollection, Dense layer)
        : base(layerCollection, BlockShape.Of(layer)!, layer)
    {
    }
}

/// <summary>
/// Kronecker factors for convolution: T·A ⊗ G with A and G averaged over examples and locations, as if locations were
/// independent (tf.contrib.kfac.fisher_blocks.ConvKFCBasicFB; Grosse and Martens 2016).
/// </summary>
public sealed class ConvKFCBasicFB : KroneckerFB
{
    /// <inheritdoc cref="ConvDiagonalFB(LayerCollection, ParameterTensors, IReadOnlyList{int}, Padding, IReadOnlyList{int})"/>
    public ConvKFCBasicFB(LayerCollection layerCollection, ParameterTensors parameters, IReadOnlyList<int> strides, Padding padding)
        : base(layerCollection, ConvolutionShape.From(parameters, strides, padding), layer: null)
    {
    }

    internal ConvKFCBasicFB(LayerCollection layerCollection, Conv2D layer)
        : base(layerCollection, BlockShape.Of(layer)!, layer)
    {
    }
}
