using Kfac.Layers;
using Kfac.Parallel;

namespace Kfac.Optimizers;

/// <summary><see cref="AdamMoments"/> of all parameters.</summary>
internal sealed class AdamOptimizer : GradientOptimizer
{
    private readonly AdamMoments _moments;
    private readonly PieceAction _movePiece;

    public AdamOptimizer(Network network, AdamOptions options)
        : base(network, options)
    {
        _moments = new AdamMoments(network.Store, options.Beta1, options.Beta2, options.Epsilon);
        _movePiece = _moments.MovePiece;
    }

    public override void ExchangeState(NamedState state)
    {
        base.ExchangeState(state);
        _moments.ExchangeState(state);
    }

    private protected override void Move(float rate)
    {
        _moments.BeginStep(rate);
        Pieces.Run(Store.Length, _movePiece);
    }

    private protected override void Forget() => _moments.Forget();
}
