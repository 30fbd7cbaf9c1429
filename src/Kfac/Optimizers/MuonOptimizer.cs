using System.Numerics.Tensors;
using Kfac.Memory;
using Kfac.Parallel;
using Kfac.Running;

namespace Kfac.Optimizers;

/// <summary>
/// m = μ·m + g, w -= α·0.2·√max(F, K)·orth(g + μ·m) for the hidden layers' weights, as matrices [F, K];
/// <see cref="AdamMoments"/> for everything else.
/// </summary>
internal sealed class MuonOptimizer : GradientOptimizer
{
    private readonly MuonOptions _options;
    private readonly OrthogonalStep _orthogonalStep;
    private readonly Parameter[] _others;
    private readonly AdamMoments _moments;
    private readonly AlignedBuffer _momentum;
    private readonly AlignedBuffer _direction;
    private readonly ChunkAction _gatherChunk;
    private readonly ChunkAction _moveChunk;
    private int _offset;

    public MuonOptimizer(Network network, MuonOptions options)
        : base(network, options)
    {
        _options = options;
        Parameter[] hidden = [.. Weights.Skip(1).SkipLast(1)];
        _orthogonalStep = new OrthogonalStep(network, hidden.Select(weights => (weights, LearningRate)));
        _others = [.. network.Parameters.Except(hidden)];
        _moments = new AdamMoments(network.Store, options.Beta1, options.Beta2, options.Epsilon);
        _momentum = new AlignedBuffer(network.Store.Length);
        _direction = new AlignedBuffer(network.Store.Length);
        _gatherChunk = GatherChunk;
        _moveChunk = (start, length) => _moments.MoveChunk(_offset + start, length);
    }

    public override void CaptureOrRestore(StateDictionary state)
    {
        base.CaptureOrRestore(state);
        _moments.CaptureOrRestore(state);
        state.CaptureOrRestore("momentum", _momentum.Span);
    }

    private protected override void Move(float rate)
    {
        Chunks.Run(Store.Length, _gatherChunk);
        _orthogonalStep.Move(_direction, rate / LearningRate);
        _moments.BeginStep(rate);
        foreach (Parameter parameter in _others)
        {
            _offset = parameter.Offset;
            Chunks.Run(AlignedBuffer.RoundUp(parameter.Length), _moveChunk);
        }
    }

    private protected override void Forget()
    {
        _moments.Forget();
        _momentum.Span.Clear();
    }

    /// <summary>m = μ·m + g, direction = g + μ·m.</summary>
    private void GatherChunk(int start, int length)
    {
        Span<float> gradients = Store.Gradients.Span.Slice(start, length), momentum = _momentum.Span.Slice(start, length);
        TensorPrimitives.MultiplyAdd(momentum, _options.Momentum, gradients, momentum);
        TensorPrimitives.MultiplyAdd(momentum, _options.Momentum, gradients, _direction.Span.Slice(start, length));
    }
}
