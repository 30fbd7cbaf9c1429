using Kfac.Kernels;

namespace Kfac.Layers;

/// <summary>y = max(x, 0), in place; see <see cref="ReluSpec"/>.</summary>
public sealed unsafe class Relu : ExampleLayer
{
    internal Relu(string name, ImageShape shape)
        : base(name, shape, shape)
    {
    }

    /// <summary>Set when the layer before already writes rectified outputs.</summary>
    internal bool IsDoneBefore { get; set; }

    internal override bool WorksInPlace => true;

    internal override void Forward(int example, int worker)
    {
        if (IsDoneBefore)
        {
            return;
        }

        for (int row = 0; row < OutputShape.Height; row++)
        {
            Rectifier.Forward(Output.Row(example, row));
        }
    }

    internal override void Backward(int example, int slice, int worker, BackwardQuantities quantities)
    {
        for (int row = 0; row < OutputShape.Height; row++)
        {
            Rectifier.Backward(Output.Row(example, row), OutputGradient!.Row(example, row));
        }
    }
}
