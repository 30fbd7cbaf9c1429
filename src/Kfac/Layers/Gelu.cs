using Kfac.Kernels;
using Kfac.Networks;

namespace Kfac.Layers;

/// <summary>y = x/2 · (1 + tanh u), u = √(2/π) · (x + 0.044715 x³); see <see cref="GeluSpec"/>.</summary>
internal sealed class Gelu : ElementwiseLayer
{
    internal Gelu(string name, ImageShape shape)
        : base(name, shape)
    {
    }

    /// <summary>Its derivative is a function of x, which y does not tell.</summary>
    internal override bool WorksInPlace => false;

    private protected override void Forward(ReadOnlySpan<float> x, Span<float> y, int example, int row) => GeluKernel.Forward(x, y);

    private protected override void Backward(ReadOnlySpan<float> x, ReadOnlySpan<float> y, ReadOnlySpan<float> dy, Span<float> dx, int example, int row) =>
        GeluKernel.Backward(x, dy, dx);
}
