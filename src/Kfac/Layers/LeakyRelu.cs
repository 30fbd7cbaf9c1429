using System.Numerics;
using Kfac.Networks;

namespace Kfac.Layers;

/// <summary>y = x where x is positive, else Slope · x; see <see cref="LeakyReluSpec"/>.</summary>
internal sealed class LeakyRelu : ElementwiseLayer
{
    internal LeakyRelu(string name, LeakyReluSpec spec, ImageShape shape)
        : base(name, shape)
    {
        Spec = spec;
    }

    /// <summary>The layer's description.</summary>
    public LeakyReluSpec Spec { get; }

    /// <summary>Its sign is that of x, which may be overwritten.</summary>
    internal override bool ReadsOutput => true;

    private protected override void Forward(ReadOnlySpan<float> x, Span<float> y, int example, int row) => Slope(x, x, y);

    private protected override void Backward(ReadOnlySpan<float> x, ReadOnlySpan<float> y, ReadOnlySpan<float> dy, Span<float> dx, int example, int row) => Slope(y, dy, dx);

    /// <summary>result = gate > 0 ? value : Slope · value</summary>
    private void Slope(ReadOnlySpan<float> gate, ReadOnlySpan<float> value, Span<float> result)
    {
        int i = 0;
        for (; i <= result.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            var v = new Vector<float>(value[i..]);
            Vector.ConditionalSelect(Vector.GreaterThan(new Vector<float>(gate[i..]), Vector<float>.Zero), v, v * Spec.Slope).CopyTo(result[i..]);
        }

        for (; i < result.Length; i++)
        {
            result[i] = gate[i] > 0 ? value[i] : Spec.Slope * value[i];
        }
    }
}
