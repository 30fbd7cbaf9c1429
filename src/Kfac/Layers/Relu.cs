using Kfac.Kernels;
using Kfac.Memory;
using Kfac.Networks;

namespace Kfac.Layers;

/// <summary>y = max(x, 0); see <see cref="ReluSpec"/>.</summary>
internal sealed class Relu : ElementwiseLayer
{
    internal Relu(string name, ImageShape shape)
        : base(name, shape)
    {
    }

    /// <summary>Set when the layer before already applies it to its outputs.</summary>
    internal bool IsAppliedBefore { get; set; }

    /// <summary>Set when the layer behind already takes its input's gradient back through the ReLU.</summary>
    internal bool IsUndoneBehind { get; set; }

    internal override bool ReadsOutput => !IsUndoneBehind;

    internal override void Forward(ExampleRange range, int worker)
    {
        if (!IsAppliedBefore)
        {
            base.Forward(range, worker);
        }
    }

    internal override void Backward(ExampleRange range, int slot, int worker, BackwardQuantities quantities)
    {
        if (!IsUndoneBehind)
        {
            base.Backward(range, slot, worker, quantities);
        }
    }

    private protected override void Forward(ReadOnlySpan<float> x, Span<float> y, int example, int row)
    {
        Copy(x, y);
        ReluKernel.Forward(y);
    }

    private protected override void Backward(ReadOnlySpan<float> x, ReadOnlySpan<float> y, ReadOnlySpan<float> dy, Span<float> dx, int example, int row)
    {
        Copy(dy, dx);
        ReluKernel.Backward(y, dx);
    }
}
