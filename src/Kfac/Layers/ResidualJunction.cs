using System.Numerics.Tensors;
using Kfac.Memory;

namespace Kfac.Layers;

/// <summary>Where the two branches of a residual block part or meet. The body is the one that a layer's own input or output is of.</summary>
internal abstract class ResidualJunction : ExampleLayer
{
    private protected ResidualJunction(string name, ImageShape shape)
        : base(name, shape, shape)
    {
    }

    /// <summary>The shortcut's map, at its first or last end.</summary>
    internal ActivationBuffer Shortcut { get; private set; } = null!;

    /// <summary>The gradient of <see cref="Shortcut"/>; null where nobody needs it.</summary>
    internal ActivationBuffer? ShortcutGradient { get; private set; }

    internal override bool ReadsInput => false;

    internal void ConnectShortcut(ActivationBuffer shortcut, ActivationBuffer? gradient)
    {
        Shortcut = shortcut;
        ShortcutGradient = gradient;
    }
}

/// <summary>Both branches read one map: nothing to do forward; back, dx = dbody + dshortcut, in the memory of dbody.</summary>
internal sealed class ResidualFork : ResidualJunction
{
    internal ResidualFork(string name, ImageShape shape)
        : base(name, shape)
    {
    }

    internal override void Forward(ExampleRange range, int worker)
    {
    }

    internal override void Backward(ExampleRange range, int slot, int worker, BackwardQuantities quantities)
    {
        for (int n = range.First; n < range.End && InputGradient is not null; n++)
        {
            for (int row = 0; row < InputShape.Height; row++)
            {
                Span<float> sum = InputGradient.Row(n, row);
                TensorPrimitives.Add(sum, ShortcutGradient!.Row(n, row), sum);
            }
        }
    }
}

/// <summary>y = body + shortcut, in the body's memory where it may be overwritten; back, both have y's gradient, in one memory.</summary>
internal sealed class ResidualAdd : ResidualJunction
{
    internal ResidualAdd(string name, ImageShape shape)
        : base(name, shape)
    {
    }

    internal override bool WorksInPlace => true;

    internal override void Forward(ExampleRange range, int worker)
    {
        for (int n = range.First; n < range.End; n++)
        {
            for (int row = 0; row < OutputShape.Height; row++)
            {
                TensorPrimitives.Add(Input.Row(n, row), Shortcut.Row(n, row), Output.Row(n, row));
            }
        }
    }

    internal override void Backward(ExampleRange range, int slot, int worker, BackwardQuantities quantities)
    {
    }
}
