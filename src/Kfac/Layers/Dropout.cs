using Kfac.Networks;

namespace Kfac.Layers;

/// <summary>In training, y = x / (1 - Rate) where the element is kept, else 0; otherwise y = x. See <see cref="DropoutSpec"/>.</summary>
/// <remarks>
/// What is kept is a function of the network's seed, the number of the training pass, the layer, the example and the
/// element alone: the same for any number of threads, and the same when the pass goes back.
/// </remarks>
internal sealed class Dropout : ElementwiseLayer
{
    private readonly ulong _threshold;
    private readonly float _scale;
    private ulong _seed;
    private ForwardPass _pass;

    internal Dropout(string name, DropoutSpec spec, ImageShape shape)
        : base(name, shape)
    {
        Spec = spec;
        _threshold = (ulong)(spec.Rate * Math.Pow(2, 32));
        _scale = 1 / (1 - spec.Rate);
    }

    /// <summary>The layer's description.</summary>
    public DropoutSpec Spec { get; }

    internal override void Initialize(int seed, int index) => _seed = new SplitMix64(seed, RandomStream.Dropout, index).Next();

    internal override void BeginForward(ForwardPass pass) => _pass = pass;

    /// <summary>What the last forward pass multiplied an element by: 0 or 1 / (1 - Rate).</summary>
    /// <param name="key">From <see cref="Key"/>.</param>
    /// <param name="element">Index in the example, row-major.</param>
    internal float Factor(ulong key, int element) => SplitMix64.Mix(key + (ulong)element) >> 32 >= _threshold ? _scale : 0;

    /// <summary>What is common to an example's elements in the last forward pass.</summary>
    internal ulong Key(int example) => SplitMix64.Mix(SplitMix64.Mix(_seed + (ulong)_pass.Number) + (ulong)example);

    private protected override void Forward(ReadOnlySpan<float> x, Span<float> y, int example, int row) => Apply(x, y, example, row);

    private protected override void Backward(ReadOnlySpan<float> x, ReadOnlySpan<float> y, ReadOnlySpan<float> dy, Span<float> dx, int example, int row) => Apply(dy, dx, example, row);

    private void Apply(ReadOnlySpan<float> from, Span<float> to, int example, int row)
    {
        if (!_pass.IsTraining)
        {
            Copy(from, to);
            return;
        }

        ulong key = Key(example);
        for (int i = 0; i < to.Length; i++)
        {
            to[i] = from[i] * Factor(key, row * to.Length + i);
        }
    }
}
