using Kfac.Kernels;

namespace Kfac.Layers;

/// <summary>y = max(x, 0), in place; see <see cref="ReluSpec"/>.</summary>
public sealed class Relu : ExampleLayer
{
    internal Relu(string name, ImageShape shape)
        : base(name, shape, shape)
    {
    }

    /// <summary>Set when the layer before already writes rectified outputs.</summary>
    internal bool IsAppliedBefore { get; set; }

    /// <summary>Set when the layer behind already takes its input's gradient back through the rectifier.</summary>
    internal bool IsUndoneBehind { get; set; }

    internal override bool WorksInPlace => true;

    internal override void Forward(ExampleRange range, int worker)
    {
        for (int n = range.First; n < range.End && !IsAppliedBefore; n++)
        {
            for (int row = 0; row < OutputShape.Height; row++)
            {
                Rectifier.Forward(Output.Row(n, row));
            }
        }
    }

    internal override void Backward(ExampleRange range, int slice, int worker, BackwardQuantities quantities)
    {
        for (int n = range.First; n < range.End && !IsUndoneBehind && OutputGradient is not null; n++)
        {
            for (int row = 0; row < OutputShape.Height; row++)
            {
                Rectifier.Backward(Output.Row(n, row), OutputGradient.Row(n, row));
            }
        }
    }
}
