using System.Numerics.Tensors;
using Kfac.Kernels;

namespace Kfac.Layers;

/// <summary>s[i,j,k] = bias[k] + sum over r,s,c of x[i·sy+r-top, j·sx+s-left, c] · filter[r,s,c,k]; see <see cref="Conv2DSpec"/>.</summary>
public sealed unsafe class Conv2D : ExampleLayer
{
    private readonly ConvolutionKernel _kernel;
    private AlignedBuffer _packedForward = null!;
    private AlignedBuffer? _packedBackward;
    private AlignedBuffer[] _scratch = [];
    private AlignedBuffer[] _sliceSums = [];

    internal Conv2D(string name, Conv2DSpec spec, ImageShape input)
        : base(name, input, spec.InferOutput(input))
    {
        Spec = spec;
        Geometry = GeometryOf(spec, input);
        _kernel = new ConvolutionKernel(Geometry);
    }

    /// <summary>The layer's description.</summary>
    public Conv2DSpec Spec { get; }

    /// <summary>The filter [R, S, C, K].</summary>
    public Parameter Filter { get; private set; } = null!;

    /// <summary>The bias [K], if there is one.</summary>
    public Parameter? Bias { get; private set; }

    internal ConvolutionGeometry Geometry { get; }

    /// <summary>Set when the next layer is a rectifier: it is then applied as the outputs are written.</summary>
    internal bool RectifiesOutput { get; set; }

    /// <summary>Set when the layer before is a rectifier: the input's gradient is then taken back through it as it is written.</summary>
    internal bool InputIsRectified { get; set; }

    internal override Halo InputHalo => _kernel.InputHalo;

    internal override Halo OutputGradientHalo => _kernel.OutputGradientHalo;

    internal override int ScratchLength => _kernel.ScratchLength;

    /// <summary>The convolution that <paramref name="spec"/> describes, on images of shape <paramref name="input"/>.</summary>
    internal static ConvolutionGeometry GeometryOf(Conv2DSpec spec, ImageShape input)
    {
        Window window = Window.Infer(input, spec.KernelHeight, spec.KernelWidth, spec.StrideY, spec.StrideX, spec.Padding);
        return new ConvolutionGeometry(
            input.Height, input.Width, input.Channels, spec.Filters, spec.KernelHeight, spec.KernelWidth,
            spec.StrideY, spec.StrideX, window.PadTop, window.PadLeft, window.PadBottom, window.PadRight);
    }

    internal override void AddParameters(ParameterStore store)
    {
        Filter = store.GetOrAdd($"{Name}/filter", [Spec.KernelHeight, Spec.KernelWidth, InputShape.Channels, Spec.Filters], isBias: false);
        Bias = Spec.UseBias ? store.GetOrAdd($"{Name}/bias", [Spec.Filters], isBias: true) : null;
        ParameterArray = Bias is null ? [Filter] : [Filter, Bias];
    }

    internal override void Initialize(Random random) => InitializeHe(Filter, Geometry.PatchLength, random);

    internal override void Connect(ActivationBuffer input, ActivationBuffer output, ActivationBuffer? inputGradient, ActivationBuffer? outputGradient, AlignedBuffer[] scratch)
    {
        base.Connect(input, output, inputGradient, outputGradient, scratch);
        _packedForward = new AlignedBuffer(_kernel.PackedForwardLength);
        _scratch = scratch;
        if (outputGradient is not null)
        {
            _packedBackward = inputGradient is null ? null : new AlignedBuffer(_kernel.PackedBackwardLength);
            _sliceSums = [.. Enumerable.Range(0, Network.Slices).Select(_ => new AlignedBuffer(2 * SliceStride))];
        }
    }

    internal override void PrepareParameters(bool forBackward)
    {
        _kernel.PackForward(Filter.ValuesPointer, _packedForward.Pointer);
        if (forBackward && _packedBackward is not null)
        {
            _kernel.PackBackward(Filter.ValuesPointer, _packedBackward.Pointer);
        }
    }

    internal override void Forward(ExampleRange range, int worker)
    {
        float* bias = Bias is null ? null : Bias.ValuesPointer;
        for (int n = range.First; n < range.End; n++)
        {
            _kernel.Forward(Input[n], _packedForward.Pointer, bias, RectifiesOutput, Output[n], _scratch[worker].Pointer);
        }
    }

    internal override void BeginSlice(int slice) => _sliceSums[slice].Span.Clear();

    internal override void Backward(ExampleRange range, int slice, int worker, BackwardQuantities quantities)
    {
        ActivationBuffer outputGradient = OutputGradient!;
        float* scratch = _scratch[worker].Pointer;
        float* gradient = quantities.HasFlag(BackwardQuantities.Gradient) ? _sliceSums[slice].Pointer : null;
        float* squares = quantities.HasFlag(BackwardQuantities.SquaredGradient) ? _sliceSums[slice].Pointer + SliceStride : null;
        var sums = new FilterSums(gradient, squares, BiasPart(gradient), BiasPart(squares));
        _kernel.BackwardFilter(
            Input[range.First], Input.ImageStride, outputGradient[range.First], outputGradient.ImageStride, range.Count, sums, scratch);
        for (int n = range.First; n < range.End && InputGradient is not null; n++)
        {
            ImagePlane gate = InputIsRectified ? Input[n] : default;
            _kernel.BackwardData(outputGradient[n], _packedBackward!.Pointer, InputGradient[n], gate, scratch);
        }
    }

    internal override void ReduceSlices(int slices, int examples, BackwardQuantities quantities)
    {
        foreach (Parameter parameter in ParameterArray)
        {
            int offset = parameter.IsBias ? BiasOffset : 0;
            if (quantities.HasFlag(BackwardQuantities.Gradient))
            {
                MeanOfSlices(slices, offset, examples, new Span<float>(parameter.GradientPointer, parameter.Length));
            }

            if (quantities.HasFlag(BackwardQuantities.SquaredGradient))
            {
                MeanOfSlices(slices, SliceStride + offset, examples, new Span<float>(parameter.SquaredGradientPointer, parameter.Length));
            }
        }
    }

    /// <summary>Where the bias begins in a slice's sums: behind the filter.</summary>
    private int BiasOffset => AlignedBuffer.RoundUp(Filter.Length);

    /// <summary>Floats of one kind of sums (gradient or squares), filter and bias.</summary>
    private int SliceStride => BiasOffset + AlignedBuffer.RoundUp(Spec.Filters);

    private float* BiasPart(float* sums) => sums is null || Bias is null ? null : sums + BiasOffset;

    /// <summary>mean = (1/examples) sum over slices, in their order.</summary>
    private void MeanOfSlices(int slices, int offset, int examples, Span<float> mean)
    {
        _sliceSums[0].Span.Slice(offset, mean.Length).CopyTo(mean);
        for (int slice = 1; slice < slices; slice++)
        {
            TensorPrimitives.Add(mean, _sliceSums[slice].Span.Slice(offset, mean.Length), mean);
        }

        TensorPrimitives.Multiply(mean, 1f / examples, mean);
    }
}
