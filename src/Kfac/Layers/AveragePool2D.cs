using Kfac.Kernels;
using Kfac.Memory;
using Kfac.Networks;

namespace Kfac.Layers;

/// <summary>y[i,j,c] = mean of x over the window; see <see cref="AveragePool2DSpec"/> and <see cref="GlobalAveragePoolSpec"/>.</summary>
internal sealed class AveragePool2D : ExampleLayer
{
    private readonly PoolingGeometry _geometry;

    internal AveragePool2D(string name, AveragePool2DSpec spec, ImageShape input)
        : base(name, input, spec.InferOutput(input))
    {
        Spec = spec;
        _geometry = new PoolingGeometry(
            input.Height, input.Width, input.Channels, spec.Height, spec.Width, spec.StrideY, spec.StrideX, 0, 0, 0, 0);
    }

    /// <summary>The layer's description; of a global pooling, the window that it comes to.</summary>
    public AveragePool2DSpec Spec { get; }

    internal override bool ReadsInput => false;

    internal override void Forward(ExampleRange range, int worker)
    {
        for (int n = range.First; n < range.End; n++)
        {
            Pooling.AverageForward(_geometry, Input[n], Output[n]);
        }
    }

    internal override void Backward(ExampleRange range, int slot, int worker, BackwardQuantities quantities)
    {
        for (int n = range.First; n < range.End && InputGradient is not null; n++)
        {
            Pooling.AverageBackward(_geometry, OutputGradient![n], InputGradient[n]);
        }
    }
}
