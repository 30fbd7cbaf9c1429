using Kfac.Kernels;
using Kfac.Memory;
using Kfac.Networks;

namespace Kfac.Layers;

/// <summary>s[i,j,k] = bias[k] + sum over r,s,c of x[i·sy+r·dy-top, j·sx+s·dx-left, c] · filter[r,s,c,k], c of k's group; see <see cref="Conv2DSpec"/>.</summary>
internal sealed unsafe class Conv2D : ExampleLayer
{
    private IConvolutionKernel? _kernel;
    private AlignedBuffer _packedForward = null!;
    private AlignedBuffer? _packedBackward;
    private AlignedBuffer[] _scratch = [];
    private GradientAccumulators _sums = null!;

    internal Conv2D(string name, Conv2DSpec spec, ImageShape input)
        : base(name, input, spec.InferOutput(input))
    {
        Spec = spec;
        Geometry = GeometryOf(spec, input);
    }

    /// <summary>The layer's description.</summary>
    public Conv2DSpec Spec { get; }

    /// <summary>The filter [R, S, C / Groups, K].</summary>
    public Parameter Filter { get; private set; } = null!;

    /// <summary>The bias [K], if there is one.</summary>
    public Parameter? Bias { get; private set; }

    internal ConvolutionGeometry Geometry { get; }

    /// <summary>Set when the next layer is a rectifier: it is then applied as the outputs are written.</summary>
    internal bool AppliesRelu { get; set; }

    /// <summary>Set when the layer before is a rectifier: the input's gradient is then taken back through it as it is written.</summary>
    internal bool InputIsRelu { get; set; }

    /// <summary>Planned when first used: the parameters of a network that is only described need none.</summary>
    private IConvolutionKernel Kernel => _kernel ??= IConvolutionKernel.For(Geometry);

    internal override Halo InputHalo => Kernel.InputHalo;

    internal override Halo OutputGradientHalo => Kernel.OutputGradientHalo;

    internal override int ScratchLength => Kernel.ScratchLength;

    internal override bool SupportsPrefetch => Kernel.SupportsPrefetch;

    /// <summary>The convolution that <paramref name="spec"/> describes, on images of shape <paramref name="input"/>.</summary>
    internal static ConvolutionGeometry GeometryOf(Conv2DSpec spec, ImageShape input)
    {
        Window window = spec.WindowOn(input);
        return new ConvolutionGeometry(
            input.Height, input.Width, input.Channels, spec.Filters, spec.KernelHeight, spec.KernelWidth,
            spec.StrideY, spec.StrideX, window.PadTop, window.PadLeft, window.PadBottom, window.PadRight,
            spec.DilationY, spec.DilationX, spec.Groups);
    }

    internal override void AddParameters(ParameterStore store)
    {
        Filter = store.GetOrAdd($"{Name}/filter", [Spec.KernelHeight, Spec.KernelWidth, InputShape.Channels / Spec.Groups, Spec.Filters], ParameterKind.Weights);
        Bias = Spec.UseBias ? store.GetOrAdd($"{Name}/bias", [Spec.Filters], ParameterKind.Bias) : null;
        ParameterArray = Bias is null ? [Filter] : [Filter, Bias];
    }

    internal override void Initialize(int seed, int index) => InitializeHe(Filter, Geometry.PatchLength, seed, index);

    internal override void Connect(ActivationBuffer input, ActivationBuffer output, ActivationBuffer? inputGradient, ActivationBuffer? outputGradient, AlignedBuffer[] scratch)
    {
        base.Connect(input, output, inputGradient, outputGradient, scratch);
        _packedForward = new AlignedBuffer(Kernel.PackedForwardLength);
        _scratch = scratch;
        if (outputGradient is not null)
        {
            _packedBackward = inputGradient is null ? null : new AlignedBuffer(Kernel.PackedBackwardLength);
            _sums = new GradientAccumulators(ParameterArray);
        }
    }

    internal override void PrepareParameters(bool forBackward)
    {
        Kernel.PackForward(Filter.ValuesPointer, _packedForward.Pointer);
        if (forBackward && _packedBackward is not null)
        {
            Kernel.PackBackward(Filter.ValuesPointer, _packedBackward.Pointer);
        }
    }

    internal override void Forward(ExampleRange range, int worker)
    {
        float* bias = Bias is null ? null : Bias.ValuesPointer;
        for (int n = range.First; n < range.End; n++)
        {
            Kernel.Forward(Input[n], _packedForward.Pointer, bias, AppliesRelu, Output[n], _scratch[worker].Pointer, Prefetchers[worker]);
        }
    }

    internal override void BeginSlice(int place) => _sums.Begin(place);

    internal override void Backward(ExampleRange range, int place, int worker, BackwardQuantities quantities)
    {
        ActivationBuffer outputGradient = OutputGradient!;
        float* scratch = _scratch[worker].Pointer;
        var sums = new FilterGradientTarget(
            _sums.Gradient(place, 0, quantities), _sums.Squares(place, 0, quantities), _sums.Gradient(place, 1, quantities), _sums.Squares(place, 1, quantities));
        Kernel.BackwardFilter(
            Input[range.First], Input.ImageStride, outputGradient[range.First], outputGradient.ImageStride, range.Count, sums, scratch, Prefetchers[worker]);
        for (int n = range.First; n < range.End && InputGradient is not null; n++)
        {
            ImagePlane gate = InputIsRelu ? Input[n] : default;
            Kernel.BackwardData(outputGradient[n], _packedBackward!.Pointer, InputGradient[n], gate, scratch, Prefetchers[worker]);
        }
    }

    internal override void AddSlice(int place, bool isFirst, BackwardQuantities quantities) => _sums.Add(place, isFirst, quantities);

    internal override void AverageSlices(int examples, BackwardQuantities quantities) => _sums.Average(examples, quantities);
}
