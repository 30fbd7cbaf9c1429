using System.Numerics.Tensors;
using Kfac.Parallel;
using Kfac.Running;

namespace Kfac.Optimizers;

/// <summary>m = μ·m + g, w -= α·m, or Nesterov's w -= α·(g + μ·m).</summary>
internal sealed class SgdOptimizer : GradientOptimizer
{
    private readonly SgdOptions _options;
    private readonly AlignedBuffer _momentum;
    private readonly ChunkAction _moveChunk;
    private float _rate;

    public SgdOptimizer(Network network, SgdOptions options)
        : base(network, options)
    {
        _options = options;
        _momentum = new AlignedBuffer(network.Store.Length);
        _moveChunk = MoveChunk;
    }

    public override void CaptureOrRestore(StateDictionary state)
    {
        base.CaptureOrRestore(state);
        state.CaptureOrRestore("momentum", _momentum.Span);
    }

    private protected override void Move(float rate)
    {
        _rate = rate;
        Chunks.Run(Store.Length, _moveChunk);
    }

    private protected override void Forget() => _momentum.Span.Clear();

    private void MoveChunk(int start, int length)
    {
        Span<float> gradients = Store.Gradients.Span.Slice(start, length), momentum = _momentum.Span.Slice(start, length), values = Store.Values.Span.Slice(start, length);
        TensorPrimitives.MultiplyAdd(momentum, _options.Momentum, gradients, momentum);
        if (_options.Nesterov)
        {
            TensorPrimitives.MultiplyAdd(gradients, -_rate, values, values);
        }

        TensorPrimitives.MultiplyAdd(momentum, _options.Nesterov ? -_rate * _options.Momentum : -_rate, values, values);
    }
}
