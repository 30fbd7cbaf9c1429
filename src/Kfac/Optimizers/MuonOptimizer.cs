using System.Numerics.Tensors;
using Kfac.Memory;
using Kfac.Parallel;
using Kfac.Running;

namespace Kfac.Optimizers;

/// <summary>
/// m = μ·m + g, w -= α·0.2·√max(F, K)·orth(g + μ·m) for the hidden layers' weights, as matrices [F, K];
/// <see cref="AdamMoments"/> for everything else.
/// </summary>
internal sealed unsafe class MuonOptimizer : GradientOptimizer
{
    /// <summary>What the root mean square of an update is to be, in units of α: about that of Adam's (Liu et al. 2025).</summary>
    private const double UpdateSize = 0.2;

    private readonly MuonOptions _options;
    private readonly (Parameter Weights, NewtonSchulz Orthogonalization)[] _matrices;
    private readonly Parameter[] _others;
    private readonly AdamMoments _moments;
    private readonly AlignedBuffer _momentum;
    private readonly AlignedBuffer _direction;
    private readonly ChunkAction _gatherChunk;
    private readonly ChunkAction _moveChunk;
    private readonly WorkerAction _iterate;
    private int _offset;

    public MuonOptimizer(Network network, MuonOptions options)
        : base(network, options)
    {
        _options = options;
        _matrices = [.. Weights.Skip(1).SkipLast(1).Select(Matrix)];
        _others = [.. network.Parameters.Except(_matrices.Select(matrix => matrix.Weights))];
        _moments = new AdamMoments(network.Store, options.Beta1, options.Beta2, options.Epsilon);
        _momentum = new AlignedBuffer(network.Store.Length);
        _direction = new AlignedBuffer(network.Store.Length);
        _gatherChunk = GatherChunk;
        _moveChunk = (start, length) => _moments.MoveChunk(_offset + start, length);
        _iterate = (matrix, _) => _matrices[matrix].Orthogonalization.Iterate();
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
        foreach ((Parameter weights, NewtonSchulz orthogonalization) in _matrices)
        {
            orthogonalization.FormGram(Network.Workers, _direction.Pointer + weights.Offset);
        }

        Network.Workers.Run(_matrices.Length, _iterate);
        foreach ((Parameter weights, NewtonSchulz orthogonalization) in _matrices)
        {
            double factor = -rate * UpdateSize * Math.Sqrt(orthogonalization.LongerSide);
            orthogonalization.AddTo(Network.Workers, _direction.Pointer + weights.Offset, factor, weights.ValuesPointer);
        }

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

    /// <summary>A filter [R, S, C, K] as [RSC, K], or a weight matrix [F, K].</summary>
    private static (Parameter Weights, NewtonSchulz Orthogonalization) Matrix(Parameter weights) =>
        (weights, new NewtonSchulz(weights.Length / weights.Shape[^1], weights.Shape[^1]));

    /// <summary>m = μ·m + g, direction = g + μ·m.</summary>
    private void GatherChunk(int start, int length)
    {
        Span<float> gradients = Store.Gradients.Span.Slice(start, length), momentum = _momentum.Span.Slice(start, length);
        TensorPrimitives.MultiplyAdd(momentum, _options.Momentum, gradients, momentum);
        TensorPrimitives.MultiplyAdd(momentum, _options.Momentum, gradients, _direction.Span.Slice(start, length));
    }
}
