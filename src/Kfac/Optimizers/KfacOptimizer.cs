using System.Globalization;
using System.Numerics.Tensors;
using Kfac.Curvature;
using Kfac.Layers;
using Kfac.Memory;
using Kfac.Parallel;
using Kfac.Running;

namespace Kfac.Optimizers;

/// <summary>
/// K-FAC (Martens and Grosse 2015; tf.contrib.kfac.optimizer.KfacOptimizer): w -= α·m, where m gathers the gradient
/// multiplied by a power of the damped, block-wise Fisher.
/// </summary>
internal sealed class KfacOptimizer : Optimizer
{
    private const float DampingRaise = 4;

    private readonly KfacOptions _options;
    private readonly LayerStep[] _layers;
    private readonly FisherEstimator _estimator;
    private readonly LayerCollection _curvature;
    private readonly InverseSchedule _inverses;
    private readonly KullbackLeiblerBound _bound;
    private readonly OrthogonalStep _orthogonalStep;

    /// <summary>What is moved by w -= α·d, each with its α; the rest takes orthogonal steps.</summary>
    private readonly (Parameter Parameter, float LearningRate)[] _moved;
    private readonly DampingRule? _dampingRule;
    private readonly QuadraticMomentum? _quadraticMomentum;
    private readonly AlignedBuffer _natural;
    private readonly AlignedBuffer _momentum;
    private readonly ChunkAction _gatherNaturalChunk, _gatherGradientChunk, _moveChunk;
    private AlignedBuffer _direction;
    private float _rate;
    private int _offset;
    private float _dampingFactor = 1;
    private bool _saidThatDampingStays;
    private long _steps;

    public KfacOptimizer(Network network, KfacOptions options, int seed)
        : base(network, KfacLayerSettings.For(options, network.Layers.First(layer => layer.Parameters.Count > 0)).LearningRate)
    {
        _options = options;
        RequireLayers(options.LayerApproximations.Keys);
        LayerCollection layers = _curvature = new LayerCollection
        {
            EmaDecay = options.EmaDecay,
            Averaging = options.Averaging,
            DampingIsRelative = options.DampingIsRelative,
            L2 = options.L2 ?? 0,
            FactorExamples = options.FactorExamples,
            Workers = network.Workers,
            Ranks = network.Ranks,
        };
        _layers = [.. network.Layers.Where(layer => layer.Parameters.Count > 0).Select(layer => Register(layers, layer))];
        foreach (Conv2D convolution in network.Layers.OfType<Conv2D>())
        {
            convolution.SquaredExamples = options.DiagonalExamples ?? int.MaxValue;
        }

        _estimator = new FisherEstimator(network, Loss, layers, options.EstimationMode, seed);
        _inverses = new InverseSchedule(_estimator.Blocks, network.Workers, network.Ranks, options.InverseUpdatePeriod, options.InverseDelay);
        _natural = new AlignedBuffer(network.Store.Length);
        _direction = _momentum = new AlignedBuffer(network.Store.Length);
        (_gatherNaturalChunk, _gatherGradientChunk, _moveChunk) = (GatherNaturalChunk, GatherGradientChunk, MoveChunk);
        _bound = new KullbackLeiblerBound(Chunks, BoundGroups());
        (Parameter Parameter, float LearningRate)[] orthogonal = [.. _layers.SkipLast(1).Where(step => step.Settings.Constraint == NormConstraintKind.Spectral).SelectMany(step => step.Matrices)];
        _orthogonalStep = new OrthogonalStep(network, orthogonal);
        _moved = [.. _layers.SelectMany(step => step.Members).Except(orthogonal)];
        bool needsModel = options.DampingAdaptation != DampingAdaptation.None || options.MomentumKind == KfacMomentumKind.QuadraticModel;
        QuadraticModel? model = needsModel ? new QuadraticModel(network, Loss, Chunks) : null;
        _dampingRule = options.DampingAdaptation == DampingAdaptation.None ? null : new DampingRule(network, Loss, Chunks, model!, options.L2 ?? 0, options.MinDamping ?? Math.Min(1e-6f, Damping));
        _quadraticMomentum = options.MomentumKind == KfacMomentumKind.QuadraticModel ? new QuadraticMomentum(network, Loss, Chunks, model!) : null;
        SetDamping();
    }

    public override LayerCollection Curvature => _curvature;

    /// <summary>λ of the first layer's next step; other than the option's value after a recovery or an adaptation.</summary>
    public float Damping => _dampingFactor * _layers[0].Settings.Damping;

    public override string Advice => string.Create(CultureInfo.InvariantCulture, $"{base.Advice}, or raise {nameof(Damping)}, which is {_layers[0].Settings.Damping}");

    public override void CaptureOrRestore(StateDictionary state)
    {
        base.CaptureOrRestore(state);
        state.CaptureOrRestore("momentum", _momentum.Span);
        state.CaptureOrRestore("dampingFactor", ref _dampingFactor);
        state.CaptureOrRestore("steps", ref _steps);
        state.RequirePossible(_steps >= 0 && _dampingFactor >= 0);
        for (int i = 0; i < _curvature.Factors.Count; i++)
        {
            _curvature.Factors[i].CaptureOrRestore(state, $"factor{i}");
        }

        _dampingRule?.CaptureOrRestore(state);
        _inverses.CaptureOrRestore(state);
    }

    private protected override bool Update(ReadOnlySpan<int> labels, float scheduleFactor)
    {
        _steps++;
        _estimator.UpdateCurvatureAndGradient(labels, _steps);
        AddL2Gradient(_options.L2 ?? 0);
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

    private protected override string? BackOff()
    {
        float before = Damping;
        _dampingFactor *= DampingRaise;
        SetDamping();
        _inverses.RefreshDamped();
        _momentum.Span.Clear();
        return $"damping was raised from {before} to {Damping}";
    }

    /// <summary>Changes the parameters, and the damping where it is adapted.</summary>
    /// <returns>False, and the parameters unchanged, where the step would not be finite.</returns>
    private bool TakeStep(ReadOnlySpan<int> labels, float scheduleFactor)
    {
        if (!FindDirection(labels.Length))
        {
            return false;
        }

        Move(Caution * scheduleFactor);
        if (_dampingRule is not null && _dampingRule.IsDue(_steps))
        {
            AdaptDamping(labels);
        }

        return true;
    }

    private void AdaptDamping(ReadOnlySpan<int> labels)
    {
        _dampingFactor = _dampingRule!.Adapt(Damping, LastGoodValues, LastLoss, labels) / _layers[0].Settings.Damping;
        if (double.IsNaN(_dampingRule.ReductionRatio) && !_saidThatDampingStays)
        {
            _saidThatDampingStays = true;
            Warn($"the quadratic model predicts no decrease of the loss: the damping stays at {Damping}");
        }

        if (_dampingRule.IsCalibrating)
        {
            SetDamping();
            _inverses.RefreshDamped();
        }
    }

    /// <summary>Finds the direction d of the step.</summary>
    /// <returns>False where it is not finite.</returns>
    private bool FindDirection(int examples)
    {
        switch (_options.MomentumKind)
        {
            case KfacMomentumKind.Gradient:
                Chunks.Run(Store.Length, _gatherGradientChunk);
                Precondition(_momentum, _natural);
                _direction = _natural;
                return _bound.Apply(_natural, _momentum);
            case KfacMomentumKind.QuadraticModel:
                Precondition(Store.Gradients, _natural);
                _direction = _momentum;
                return _quadraticMomentum!.Combine(_natural, _momentum, examples, _estimator.Blocks);
            default:
                Precondition(Store.Gradients, _natural);
                if (!_bound.Apply(_natural, Store.Gradients))
                {
                    return false;
                }

                Chunks.Run(Store.Length, _gatherNaturalChunk);
                _direction = _options.MomentumKind == KfacMomentumKind.Nesterov ? _natural : _momentum;
                return true;
        }
    }

    /// <summary>w -= s·α·d, or an orthogonal step, after the weights have decayed.</summary>
    private void Move(float scheduleFactor)
    {
        foreach (LayerStep step in _layers)
        {
            DecayWeights(step.Members[0].Parameter, scheduleFactor * step.Settings.LearningRate * step.Settings.WeightDecay);
        }

        _orthogonalStep.Move(_direction, scheduleFactor);
        foreach ((Parameter parameter, float learningRate) in _moved)
        {
            (_offset, _rate) = (parameter.Offset, scheduleFactor * learningRate);
            Chunks.Run(parameter.Length, _moveChunk);
        }
    }

    private void SetDamping()
    {
        foreach (LayerStep step in _layers)
        {
            step.Block.Damping = _dampingFactor * step.Settings.Damping;
        }
    }

    /// <summary>result = (F + λI)^p vector, block by block.</summary>
    private void Precondition(AlignedBuffer vector, AlignedBuffer result)
    {
        foreach (LayerStep step in _layers)
        {
            step.Block.MultiplyMatrixPower(ParameterSpans.Of(vector, step.Layer), ParameterSpans.Of(result, step.Layer), step.Settings.Exponent);
        }
    }

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
        Span<float> values = Store.Values.Span.Slice(_offset + start, length);
        TensorPrimitives.MultiplyAdd(_direction.Span.Slice(_offset + start, length), -_rate, values, values);
    }

    private void ReportRecoveries()
    {
        foreach (FisherBlock block in _estimator.Blocks)
        {
            if (block.TakeRecovery() is { } recovery)
            {
                ReportCurvatureRecovery($"the curvature of {block.Layer!.Name}: {recovery}");
            }
        }
    }

    private LayerStep Register(LayerCollection layers, Layer layer)
    {
        KfacLayerSettings settings = KfacLayerSettings.For(_options, layer);
        FisherBlock block = layers.CreateBlock(layer, _options.ApproximationOf(layer));
        block.UpdatePeriod = settings.FactorUpdatePeriod;
        block.PreparedExponent = settings.Exponent;
        return new LayerStep(layer, block, settings, [.. layer.Parameters.Select(parameter => (parameter, settings.LearningRate))]);
    }

    /// <summary>Each of the L layers held to c / L, or all of them together to c; normalisations by themselves may have no bound.</summary>
    private KullbackLeiblerBound.Group[] BoundGroups() => _options.NormConstraintPerLayer
        ? [.. _layers.Select(step => new KullbackLeiblerBound.Group((double)step.Settings.NormConstraint / _layers.Length, step.Members))]
        : [new KullbackLeiblerBound.Group(_layers.Min(step => step.Settings.NormConstraint), [.. _layers.SelectMany(step => step.Members)])];

    /// <exception cref="ArgumentException">The network has no such layer.</exception>
    private void RequireLayers(IEnumerable<string> names)
    {
        string[] known = [.. Network.Layers.Where(layer => layer.Parameters.Count > 0).Select(layer => layer.Name)];
        if (names.FirstOrDefault(name => !known.Contains(name)) is { } unknown)
        {
            throw new ArgumentException($"LayerApproximations names {unknown}, but the network's layers with parameters are {string.Join(", ", known)}", nameof(KfacOptions.LayerApproximations));
        }
    }

    /// <summary>A layer with parameters, its block and what is done with its gradient.</summary>
    /// <param name="Layer">The layer.</param>
    /// <param name="Block">Its curvature.</param>
    /// <param name="Settings">Its settings.</param>
    /// <param name="Members">Its parameters, each with its α.</param>
    private sealed record LayerStep(Layer Layer, FisherBlock Block, KfacLayerSettings Settings, (Parameter Parameter, float LearningRate)[] Members)
    {
        /// <summary>The weights where they are one matrix [F, K] or [RSC, K]; none of a convolution in groups, nor of a normalisation.</summary>
        public IEnumerable<(Parameter Parameter, float LearningRate)> Matrices => Layer is Dense or Conv2D { Spec.Groups: 1 } ? [Members[0]] : [];
    }
}
