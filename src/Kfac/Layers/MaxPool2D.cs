using Kfac.Kernels;
using Kfac.Memory;
using Kfac.Networks;

namespace Kfac.Layers;

/// <summary>y[i,j,c] = max over the window of x; the gradient goes to the first maximum. See <see cref="MaxPool2DSpec"/>.</summary>
internal sealed class MaxPool2D : ExampleLayer
{
    private readonly PoolingGeometry _geometry;

    /// <summary>Which pixel of its window each output is, so that going back needs neither input nor output.</summary>
    private ActivationBuffer? _winners;

    internal MaxPool2D(string name, MaxPool2DSpec spec, ImageShape input)
        : base(name, input, spec.InferOutput(input))
    {
        Spec = spec;
        _geometry = new PoolingGeometry(
            input.Height, input.Width, input.Channels, spec.Height, spec.Width, spec.StrideY, spec.StrideX, 0, 0, 0, 0);
    }

    /// <summary>The layer's description.</summary>
    public MaxPool2DSpec Spec { get; }

    /// <summary>Set when the layer before is a ReLU: the input's gradient is then taken back through it as it is written.</summary>
    internal bool InputIsRelu { get; set; }

    internal override bool ReadsInput => false;

    internal override IEnumerable<ActivationBuffer> MapsWritten => _winners is null ? [Output] : [Output, _winners];

    internal override IEnumerable<ActivationBuffer> MapsReadBack => _winners is null ? [] : [_winners];

    internal override void Connect(ActivationBuffer input, ActivationBuffer output, ActivationBuffer? inputGradient, ActivationBuffer? outputGradient, AlignedBuffer[] scratch)
    {
        base.Connect(input, output, inputGradient, outputGradient, scratch);
        _winners = inputGradient is null ? null : new ActivationBuffer(OutputShape, default, input.Capacity);
    }

    internal override void Forward(ExampleRange range, int worker)
    {
        for (int n = range.First; n < range.End; n++)
        {
            Pooling.MaxForward(_geometry, Input[n], Output[n], _winners is null ? default : _winners[n], InputIsRelu);
        }
    }

    internal override void Backward(ExampleRange range, int slot, int worker, BackwardQuantities quantities)
    {
        for (int n = range.First; n < range.End && InputGradient is not null; n++)
        {
            Pooling.MaxBackward(_geometry, _winners![n], OutputGradient![n], InputGradient[n]);
        }
    }
}
