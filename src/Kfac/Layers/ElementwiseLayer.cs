using Kfac.Memory;

namespace Kfac.Layers;

/// <summary>y = f(x), element by element, in x's memory where it may be overwritten.</summary>
internal abstract class ElementwiseLayer : ExampleLayer
{
    private protected ElementwiseLayer(string name, ImageShape shape)
        : base(name, shape, shape)
    {
    }

    internal override bool WorksInPlace => true;

    /// <summary>One that works in place could not.</summary>
    internal override bool ReadsInput => !WorksInPlace;

    internal override void Forward(ExampleRange range, int worker)
    {
        for (int n = range.First; n < range.End; n++)
        {
            for (int row = 0; row < OutputShape.Height; row++)
            {
                Forward(Input.Row(n, row), Output.Row(n, row), n, row);
            }
        }
    }

    internal override void Backward(ExampleRange range, int slot, int worker, BackwardQuantities quantities)
    {
        for (int n = range.First; n < range.End && InputGradient is not null; n++)
        {
            for (int row = 0; row < OutputShape.Height; row++)
            {
                Backward(Input.Row(n, row), Output.Row(n, row), OutputGradient!.Row(n, row), InputGradient.Row(n, row), n, row);
            }
        }
    }

    /// <summary>y = f(x) for row <paramref name="row"/> of an example; both may be the same memory.</summary>
    private protected abstract void Forward(ReadOnlySpan<float> x, Span<float> y, int example, int row);

    /// <summary>dx = f'(x) dy; both may be the same memory, and so may x and y.</summary>
    private protected abstract void Backward(ReadOnlySpan<float> x, ReadOnlySpan<float> y, ReadOnlySpan<float> dy, Span<float> dx, int example, int row);

    /// <summary>Copies, unless both are the same memory.</summary>
    private protected static void Copy(ReadOnlySpan<float> from, Span<float> to)
    {
        if (from != to)
        {
            from.CopyTo(to);
        }
    }
}
