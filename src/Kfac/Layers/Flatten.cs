using Kfac.Memory;
using Kfac.Networks;

namespace Kfac.Layers;

/// <summary>The same values as one vector, in the same memory unless a halo is in the way; see <see cref="FlattenSpec"/>.</summary>
internal sealed class Flatten : ExampleLayer
{
    internal Flatten(string name, ImageShape input)
        : base(name, input, ImageShape.Flat(input.Size))
    {
    }

    internal override bool WorksInPlace => true;

    internal override bool ReadsInput => false;

    internal override void Forward(ExampleRange range, int worker)
    {
        for (int n = range.First; n < range.End && !Output.IsSameMemoryAs(Input); n++)
        {
            Input.Read(n, Output.Row(n, 0));
        }
    }

    internal override void Backward(ExampleRange range, int slot, int worker, BackwardQuantities quantities)
    {
        for (int n = range.First; n < range.End && InputGradient is not null && !InputGradient.IsSameMemoryAs(OutputGradient!); n++)
        {
            InputGradient.Write(n, OutputGradient!.Row(n, 0));
        }
    }
}
