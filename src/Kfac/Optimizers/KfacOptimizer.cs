using System.Numerics.Tensors;
using Kfac.Curvature;
using Kfac.Layers;
using Kfac.Memory;
using Kfac.Parallel;
using Kfac.Running;

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
    private readonly IReadOnlyList<FisherFactor> _factors;
    private readonly InverseSchedule _inverses;
    private readonly DampingRule? _dampingRule;
    private readonly QuadraticMomentum? _quadraticMomentum;
    private readonly AlignedBuffer _natural;
    private readonly AlignedBuffer _momentum;
    private readonly ChunkAction _gatherNaturalChunk;
    private readonly ChunkAction _gatherGradientChunk;
    private readonly ChunkAction _moveChunk;

    /// <summary>Parameters whose step is constrained together.</summary>
    private readonly Parameter[][] _constrained;
    private AlignedBuffer _direction;
    private float _rate;
    private float _damping;
    private long _steps;

    public KfacOptimizer(Network network, KfacOptions options, int seed)
        : base(network)
    {
        _options = options;
        RequireLayers(options.LayerApproximations.Keys);
        var layers = new LayerCollection
        {
            EmaDecay = options.EmaDecay,
            Averaging = options.Averaging,
            DampingIsRelative = options.DampingIsRelative,
            L2 = options.L2,
            FactorExamples = options.FactorExamples,
            Workers = network.Workers,
        };
        _factors = layers.Factors;
        layers.RegisterNetwork(network, options.ApproximationOf);
        _estimator = new FisherEstimator(network, Loss, layers, options.EstimationMode, seed);
        _constrained = options.NormConstraintPerLayer ? [.. _estimator.Blocks.Select(block => block.Layer!.Parameters.ToArray())] : [[.. network.Parameters]];
        _inverses = new InverseSchedule(_estimator.Blocks, network.Workers, options.InverseUpdatePeriod, options.InverseDelay);
        _natural = new AlignedBuffer(network.Store.Length);
        _direction = _momentum = new AlignedBuffer(network.Store.Length);
        _gatherNaturalChunk = GatherNaturalChunk;
        _gatherGradientChunk = GatherGradientChunk;
        _moveChunk = MoveChunk;
        _damping = options.Damping;
        bool needsModel = options.DampingAdaptation != DampingAdaptation.None || options.MomentumKind == KfacMomentumKind.QuadraticModel;
        QuadraticModel? model = needsModel ? new QuadraticModel(network, Loss, Chunks) : null;
        _dampingRule = options.DampingAdaptation == DampingAdaptation.None ? null : new DampingRule(network, Loss, Chunks, model!, options.MinDamping);
        _quadraticMomentum = options.MomentumKind == KfacMomentumKind.QuadraticModel ? new QuadraticMomentum(network, Loss, Chunks, model!) : null;
    }

    /// <summary>λ of the next step; other than the option's value after a rescue or an adaptation.</summary>
    public float Damping => _damping;

    /// <remarks>Inverses and eigenvectors are not carried along: a new optimizer computes them from the factors before its first step.</remarks>
    public override void CaptureOrRestore(StateDictionary state)
    {
        base.CaptureOrRestore(state);
        state.CaptureOrRestore("momentum", _momentum.Span);
        state.CaptureOrRestore("damping", ref _damping);
        state.CaptureOrRestore("steps", ref _steps);
        for (int i = 0; i < _factors.Count; i++)
        {
            _factors[i].CaptureOrRestore(state, $"factor{i}");
        }
    }

    private protected override bool Update(ReadOnlySpan<int> labels, float scheduleFactor)
    {
        _steps++;
        UpdateCurvatureAndGradient(labels);
        if (_steps <= _options.BurnInSteps)
        {
            return true;
        }

        if (!_estimator.Blocks.All(block => block.HasCurvature))
        {
            return false;
        }

        SetDamping();
        _inverses.Advance(_steps - _options.BurnInSteps);
        ReportRecoveries();
        return TakeStep(labels, scheduleFactor);
    }

    private protected override string BackOff()
    {
        float before = _damping;
        _damping *= DampingRaise;
        SetDamping();
        _inverses.Refresh();
        _momentum.Span.Clear();
        return $"damping was raised from {before} to {_damping}";
    }

    private void UpdateCurvatureAndGradient(ReadOnlySpan<int> labels)
    {
        if ((_steps - 1) % _options.FactorUpdatePeriod == 0)
        {
            _estimator.UpdateCurvatureAndGradient(labels, _steps);
        }
        else
        {
            _estimator.ComputeGradient(labels);
        }

        AddL2Gradient(_options.L2);
    }

    /// <summary>Changes the parameters, and the damping where it is adapted.</summary>
    /// <returns>False, and the parameters unchanged, where the step would not be finite.</returns>
    private bool TakeStep(ReadOnlySpan<int> labels, float scheduleFactor)
    {
        if (!FindStep(labels.Length, scheduleFactor))
        {
            return false;
        }

        DecayWeights(_rate, _options.WeightDecay);
        Chunks.Run(Store.Length, _moveChunk);
        if (_dampingRule is not null && _dampingRule.IsDue(_steps))
        {
            _damping = _dampingRule.Adapt(_damping, LastGoodValues, LastLoss, labels);
            if (_dampingRule.IsCalibrating)
            {
                SetDamping();
                _inverses.Refresh();
            }
        }

        return true;
    }

    /// <summary>Finds the direction d and the rate α of the step w -= α·d.</summary>
    /// <returns>False where they are not finite.</returns>
    private bool FindStep(int examples, float scheduleFactor)
    {
        _rate = scheduleFactor * _options.LearningRate;
        switch (_options.MomentumKind)
        {
            case KfacMomentumKind.Gradient:
                Chunks.Run(Store.Length, _gatherGradientChunk);
                Precondition(_momentum, _natural);
                _direction = _natural;
                return ConstrainNorm(_momentum);
            case KfacMomentumKind.QuadraticModel:
                Precondition(Store.Gradients, _natural);
                _direction = _momentum;
                _rate = scheduleFactor;
                return _quadraticMomentum!.Combine(_natural, _momentum, examples, _estimator.Blocks);
            default:
                Precondition(Store.Gradients, _natural);
                if (!ConstrainNorm(Store.Gradients))
                {
                    return false;
                }

                Chunks.Run(Store.Length, _gatherNaturalChunk);
                _direction = _options.MomentumKind == KfacMomentumKind.Nesterov ? _natural : _momentum;
                return true;
        }
    }

    private void SetDamping()
    {
        foreach (FisherBlock block in _estimator.Blocks)
        {
            block.Damping = _damping;
        }
    }

    /// <summary>result = (F + λI)⁻¹ vector, block by block.</summary>
    private void Precondition(AlignedBuffer vector, AlignedBuffer result)
    {
        foreach (FisherBlock block in _estimator.Blocks)
        {
            block.MultiplyInverse(LayerSpans(vector, block.Layer!), LayerSpans(result, block.Layer!));
        }
    }

    /// <summary>
    /// v *= min(1, √(c / (α²·v·g))), or each of L layers' v by that with c / L: v·g stands for vᵀ F v, twice the change of the
    /// predictions in KL divergence. α is taken before the schedule's factor, so that the schedule still shortens a step that
    /// the constraint has shortened.
    /// </summary>
    /// <returns>False where v or g is not finite.</returns>
    private bool ConstrainNorm(AlignedBuffer gradient)
    {
        foreach (Parameter[] parameters in _constrained)
        {
            double product = 0;
            foreach (Parameter parameter in parameters)
            {
                product += Chunks.Dot(SpanOf(_natural, parameter), SpanOf(gradient, parameter));
            }

            double squaredNorm = (double)_options.LearningRate * _options.LearningRate * product;
            if (!double.IsFinite(squaredNorm))
            {
                return false;
            }

            // Rounding may leave a product that is next to nothing below 0.
            double factor = Math.Sqrt(_options.NormConstraint / _constrained.Length / Math.Abs(squaredNorm));
            for (int i = 0; factor < 1 && i < parameters.Length; i++)
            {
                Chunks.Scale(SpanOf(_natural, parameters[i]), (float)factor);
            }
        }

        return true;
    }

    private static Span<float> SpanOf(AlignedBuffer buffer, Parameter parameter) => buffer.Span.Slice(parameter.Offset, parameter.Length);

    /// <summary>m = μ·m + v, and v becomes v + μ·m where the momentum is Nesterov's.</summary>
    private void GatherNaturalChunk(int start, int length)
    {
        Gather(_natural, start, length);
        if (_options.MomentumKind == KfacMomentumKind.Nesterov)
        {
            Span<float> natural = _natural.Span.Slice(start, length);
            TensorPrimitives.MultiplyAdd(_momentum.Span.Slice(start, length), _options.Momentum, natural, natural);
        }
    }

    /// <summary>m = μ·m + g.</summary>
    private void GatherGradientChunk(int start, int length) => Gather(Store.Gradients, start, length);

    private void Gather(AlignedBuffer vector, int start, int length)
    {
        Span<float> momentum = _momentum.Span.Slice(start, length);
        TensorPrimitives.MultiplyAdd(momentum, _options.Momentum, vector.Span.Slice(start, length), momentum);
    }

    /// <summary>w -= α·d.</summary>
    private void MoveChunk(int start, int length)
    {
        Span<float> values = Store.Values.Span.Slice(start, length);
        TensorPrimitives.MultiplyAdd(_direction.Span.Slice(start, length), -_rate, values, values);
    }

    private void ReportRecoveries()
    {
        foreach (FisherBlock block in _estimator.Blocks)
        {
            if (block.TakeRecovery() is { } rescue)
            {
                ReportCurvatureRecovery($"the curvature of {block.Layer!.Name}: {rescue}");
            }
        }
    }

    internal static ParameterSpans LayerSpans(AlignedBuffer buffer, Layer layer)
    {
        IReadOnlyList<Parameter> parameters = layer.Parameters;
        return new ParameterSpans(SpanOf(buffer, parameters[0]), parameters.Count > 1 ? SpanOf(buffer, parameters[1]) : []);
    }

    /// <exception cref="ArgumentException">The network has no such layer.</exception>
    private void RequireLayers(IEnumerable<string> names)
    {
        string[] known = [.. Network.Layers.Where(layer => layer.Parameters.Count > 0).Select(layer => layer.Name)];
        if (names.FirstOrDefault(name => !known.Contains(name)) is { } unknown)
        {
            throw new ArgumentException($"LayerApproximations names {unknown}, but the network's layers with parameters are {string.Join(", ", known)}", nameof(KfacOptions.LayerApproximations));
        }
    }
}
