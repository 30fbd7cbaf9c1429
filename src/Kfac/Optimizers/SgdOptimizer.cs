using System.Numerics.Tensors;
using Kfac.Layers;
using Kfac.Parallel;

namespace Kfac.Optimizers;

/// <summary>m = μ·m + g, w -= α·m.</summary>
internal sealed class SgdOptimizer : Optimizer
{
    private readonly SgdOptions _options;
    private readonly AlignedBuffer _momentum;
    private readonly PieceAction _movePiece;
    private float _caution = 1;
    private float _rate;

    public SgdOptimizer(Network network, SgdOptions options)
        : base(network)
    {
        _options = options;
        _momentum = new AlignedBuffer(network.Store.Length);
        _movePiece = MovePiece;
    }

    private protected override bool Update(ReadOnlySpan<int> labels, float scheduleFactor)
    {
        ComputeGradient(labels);
        _rate = _caution * scheduleFactor * _options.LearningRate;
        DecayWeights(_rate, _options.WeightDecay);
        Pieces.Run(Store.Length, _movePiece);
        return true;
    }

    private protected override string BecomeCareful()
    {
        _momentum.Span.Clear();
        _caution /= 2;
        return $"the learning rate is now multiplied by {_caution}";
    }

    private void MovePiece(int start, int length)
    {
        Span<float> momentum = _momentum.Span.Slice(start, length), values = Store.Values.Span.Slice(start, length);
        TensorPrimitives.MultiplyAdd(momentum, _options.Momentum, Store.Gradients.Span.Slice(start, length), momentum);
        TensorPrimitives.MultiplyAdd(momentum, -_rate, values, values);
    }
}
