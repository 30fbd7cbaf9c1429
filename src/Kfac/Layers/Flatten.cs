namespace Kfac.Layers;

/// <summary>The same values, in the same memory, as one vector; see <see cref="FlattenSpec"/>.</summary>
public sealed class Flatten : ExampleLayer
{
    internal Flatten(string name, ImageShape input)
        : base(name, input, ImageShape.Flat(input.Size))
    {
    }

    internal override bool WorksInPlace => true;

    internal override void Forward(ExampleRange range, int worker)
    {
    }

    internal override void Backward(ExampleRange range, int slice, int worker, BackwardQuantities quantities)
    {
    }
}
