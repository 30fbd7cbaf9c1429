using Kfac.Parallel;
using Kfac.Running;

namespace Kfac.Optimizers;

/// <summary><see cref="AdamMoments"/> of all parameters.</summary>
internal sealed class AdamOptimizer : GradientOptimizer
{
    private readonly AdamMoments _moments;
    private readonly ChunkAction _moveChunk;

    public AdamOptimizer(Network network, AdamOptions options)
        : base(network, options)
    {
        _moments = new AdamMoments(network.Store, options.Beta1, options.Beta2, options.Epsilon);
        _moveChunk = _moments.MoveChunk;
    }

    public override void CaptureOrRestore(StateDictionary state)
    {
        base.CaptureOrRestore(state);
        _moments.CaptureOrRestore(state);
    }

    private protected override void Move(float rate)
    {
        _moments.BeginStep(rate);
        Chunks.Run(Store.Length, _moveChunk);
    }

    private protected override void Forget() => _moments.Forget();
}
