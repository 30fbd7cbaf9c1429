using System.Numerics.Tensors;
using Kfac.Fisher;
using Kfac.Layers;
using Kfac.Parallel;

namespace Kfac.Optimizers;

/// <summary>
/// K-FAC (Martens and Grosse 2015; tf.contrib.kfac.optimizer.KfacOptimizer): w -= α·m, where m gathers the gradient
/// multiplied by the inverse of the damped, block-wise Fisher.
/// </summary>
internal sealed class KfacOptimizer : Optimizer
{
    private const float DampingRaise = 4;

    private readonly KfacOptions _options;
    private readonly FisherEstimator _estimator;
    private readonly AlignedBuffer _natural;
    private readonly AlignedBuffer _momentum;
    private readonly PieceAction _movePiece;
    private float _scale;
    private float _rate;
    private float _damping;
    private long _steps;

    public KfacOptimizer(Network network, KfacOptions options, int seed)
        : base(network)
    {
        _options = options;
        var layers = new LayerCollection
        {
            EmaDecay = options.EmaDecay,
            Form = options.Form,
            DampingIsRelative = options.DampingIsRelative,
            FactorExamples = options.FactorExamples,
            Workers = network.Workers,
        };
        layers.RegisterNetwork(network, options.ApproximationOf);
        _estimator = new FisherEstimator(network, Loss, layers, options.EstimationMode, seed);
        _natural = new AlignedBuffer(network.Store.Length);
        _momentum = new AlignedBuffer(network.Store.Length);
        _movePiece = MovePiece;
        _damping = options.Damping;
    }

    /// <summary>λ of the next step; above the option's value after a rescue.</summary>
    public float Damping => _damping;

    private protected override bool Update(ReadOnlySpan<int> labels, float scheduleFactor)
    {
        UpdateCurvatureAndGradient(labels);
        RefreshInverses();
        Precondition();
        _scale = ConstrainNorm();
        if (!float.IsFinite(_scale))
        {
            return false;
        }

        _rate = scheduleFactor * _options.LearningRate;
        DecayWeights(_rate, _options.WeightDecay);
        Pieces.Run(Store.Length, _movePiece);
        return true;
    }

    private protected override string BecomeCareful()
    {
        float before = _damping;
        _damping *= DampingRaise;
        _momentum.Span.Clear();
        return $"damping was raised from {before} to {_damping}";
    }

    private void UpdateCurvatureAndGradient(ReadOnlySpan<int> labels)
    {
        if (_steps++ % _options.FactorUpdatePeriod == 0)
        {
            _estimator.UpdateCurvatureAndGradient(labels);
        }
        else
        {
            _estimator.ComputeGradient(labels);
        }

        AddL2Gradient(_options.L2);
    }

    private void RefreshInverses()
    {
        if (_steps % _options.InverseUpdatePeriod != 1 % _options.InverseUpdatePeriod)
        {
            return;
        }

        foreach (FisherBlock block in _estimator.Blocks)
        {
            block.Damping = _damping;
            block.PrepareInverse();
        }

        Network.Workers.Run(_estimator.Blocks.Length, (i, _) => _estimator.Blocks[i].ComputeInverse());
        foreach (FisherBlock block in _estimator.Blocks)
        {
            block.PublishInverse();
        }
    }

    /// <summary>v = (F + λI)⁻¹ g, block by block.</summary>
    private void Precondition()
    {
        foreach (FisherBlock block in _estimator.Blocks)
        {
            block.MultiplyInverse(LayerSpans(Store.Gradients, block.Layer!), LayerSpans(_natural, block.Layer!));
        }
    }

    /// <summary>
    /// min(1, √(c / (α²·v·g))): v·g stands for vᵀ F v, twice the change of the predictions in KL divergence. α is taken
    /// before the schedule's factor, so that the schedule still shortens a step that the constraint has shortened.
    /// </summary>
    /// <returns>NaN where v or g is not finite.</returns>
    private float ConstrainNorm()
    {
        double squaredNorm = (double)_options.LearningRate * _options.LearningRate * Pieces.Dot(_natural.Span, Store.Gradients.Span);
        return double.IsFinite(squaredNorm) ? (float)Math.Min(1, Math.Sqrt(_options.NormConstraint / squaredNorm)) : float.NaN;
    }

    /// <summary>m = μ·m + scale·v, w -= α·m.</summary>
    private void MovePiece(int start, int length)
    {
        Span<float> momentum = _momentum.Span.Slice(start, length), values = Store.Values.Span.Slice(start, length);
        TensorPrimitives.Multiply(momentum, _options.Momentum, momentum);
        TensorPrimitives.MultiplyAdd(_natural.Span.Slice(start, length), _scale, momentum, momentum);
        TensorPrimitives.MultiplyAdd(momentum, -_rate, values, values);
    }

    private static ParameterSpans LayerSpans(AlignedBuffer buffer, Layer layer)
    {
        IReadOnlyList<Parameter> parameters = layer.Parameters;
        Span<float> bias = parameters.Count > 1 ? buffer.Span.Slice(parameters[1].Offset, parameters[1].Length) : [];
        return new ParameterSpans(buffer.Span.Slice(parameters[0].Offset, parameters[0].Length), bias);
    }
}
