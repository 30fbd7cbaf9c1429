using Kfac.Kernels;
using Kfac.Memory;
using Kfac.Networks;

namespace Kfac.Layers;

/// <summary>y = scale[c] · x̂ + shift[c], x̂ = (x - mean) / √(variance + ε) of the example's own channels of c's group; see <see cref="GroupNormSpec"/>.</summary>
internal sealed unsafe class GroupNorm : ExampleLayer
{
    /// <summary>What a worker needs for each channel besides the kernel's own: mean, scale, slope, offset.</summary>
    private const int Coefficients = 4;

    private readonly ChannelNormalization _kernel;
    private readonly int _groupChannels;
    private AlignedBuffer[] _scratch = [];
    private Sums[] _sums = [];
    private GradientAccumulators? _sliceSums;

    // For each example and group.
    private double[] _mean = [];
    private double[] _inverseStandardDeviation = [];

    /// <summary>The same where a gradient goes through, else 0.</summary>
    private double[] _passing = [];

    internal GroupNorm(string name, GroupNormSpec spec, ImageShape input)
        : base(name, input, spec.InferOutput(input))
    {
        Spec = spec;
        _kernel = new ChannelNormalization(input.Height, input.Width, input.Channels);
        _groupChannels = input.Channels / spec.Groups;
    }

    /// <summary>The layer's description.</summary>
    public GroupNormSpec Spec { get; }

    /// <summary>The scale [C].</summary>
    public Parameter Scale { get; private set; } = null!;

    /// <summary>The shift [C].</summary>
    public Parameter Shift { get; private set; } = null!;

    internal override int ScratchLength => _kernel.ScratchLength + Coefficients * Channels;

    private int Channels => InputShape.Channels;

    private double ValuesOfGroup => (double)InputShape.Height * InputShape.Width * _groupChannels;

    internal override void AddParameters(ParameterStore store)
    {
        Scale = store.GetOrAdd($"{Name}/scale", [Channels], KindOf(ParameterKind.Scale));
        Shift = store.GetOrAdd($"{Name}/shift", [Channels], KindOf(ParameterKind.Bias));
        ParameterArray = Trained(Scale, Shift);
    }

    internal override void Initialize(int seed, int index) => Scale.MutableValues.Fill(1);

    internal override void Connect(ActivationBuffer input, ActivationBuffer output, ActivationBuffer? inputGradient, ActivationBuffer? outputGradient, AlignedBuffer[] scratch)
    {
        base.Connect(input, output, inputGradient, outputGradient, scratch);
        _scratch = scratch;
        _sums = [.. scratch.Select(_ => new Sums(Channels))];
        _mean = new double[input.Capacity * Spec.Groups];
        _inverseStandardDeviation = new double[input.Capacity * Spec.Groups];
        _passing = new double[input.Capacity * Spec.Groups];
        if (outputGradient is not null && !IsFrozen)
        {
            _sliceSums = new GradientAccumulators(ParameterArray, SliceSlots);
        }
    }

    internal override void Forward(ExampleRange range, int worker)
    {
        float* scratch = _scratch[worker].Pointer;
        Sums sums = _sums[worker];
        for (int n = range.First; n < range.End; n++)
        {
            _kernel.Moments(Input[n], sums.First, sums.Second, scratch + Coefficients * Channels);
            TakeStatistics(n, sums);
            for (int c = 0; c < Channels; c++)
            {
                int group = n * Spec.Groups + c / _groupChannels;
                (sums.Mean[c], sums.Scale[c], sums.Offset[c]) = (_mean[group], Scale.ValuesPointer[c] * _inverseStandardDeviation[group], Shift.ValuesPointer[c]);
            }

            _kernel.Forward(Input[n], Output[n], OfChannels(scratch, 0, sums.Mean), OfChannels(scratch, 1, sums.Scale), OfChannels(scratch, 2, sums.Offset), relu: false);
        }
    }

    internal override void BeginSlice(int slot, BackwardQuantities quantities) => _sliceSums?.Begin(slot, quantities);

    internal override void Backward(ExampleRange range, int slot, int worker, BackwardQuantities quantities)
    {
        if (_sliceSums is null)
        {
            return;
        }

        float* scratch = _scratch[worker].Pointer;
        Sums sums = _sums[worker];
        for (int n = range.First; n < range.End; n++)
        {
            for (int c = 0; c < Channels; c++)
            {
                sums.Mean[c] = _mean[n * Spec.Groups + c / _groupChannels];
            }

            float* mean = OfChannels(scratch, 0, sums.Mean);
            _kernel.GradientSums(Input[n], OutputGradient![n], mean, sums.First, sums.Second, scratch + Coefficients * Channels);
            AddGradients(_sliceSums, n, sums, slot, quantities);
            if (InputGradient is not null)
            {
                PrepareInputGradient(n, sums);
                _kernel.Backward(Input[n], OutputGradient[n], InputGradient[n], mean, OfChannels(scratch, 1, sums.Scale), OfChannels(scratch, 2, sums.Slope), OfChannels(scratch, 3, sums.Offset));
            }
        }
    }

    internal override void AddSlice(int slot, bool isFirst, BackwardQuantities quantities) => _sliceSums?.Add(slot, isFirst, quantities);

    internal override void AverageSlices(int examples, BackwardQuantities quantities) => _sliceSums?.Average(examples, quantities);

    private float* OfChannels(float* scratch, int index, double[] values)
    {
        float* rounded = scratch + index * Channels;
        ChannelNormalization.Round(values, rounded);
        return rounded;
    }

    /// <summary>Mean and variance of each group from those of its channels.</summary>
    private void TakeStatistics(int example, Sums sums)
    {
        double locations = InputShape.Height * InputShape.Width;
        for (int group = 0; group < Spec.Groups; group++)
        {
            ReadOnlySpan<double> means = sums.First.AsSpan(group * _groupChannels, _groupChannels), channelDeviations = sums.Second.AsSpan(group * _groupChannels, _groupChannels);
            double mean = 0, deviations = 0;
            foreach (double channelMean in means)
            {
                mean += channelMean / _groupChannels;
            }

            for (int c = 0; c < _groupChannels; c++)
            {
                deviations += channelDeviations[c] + locations * (means[c] - mean) * (means[c] - mean);
            }

            _mean[example * Spec.Groups + group] = mean;
            double variance = deviations / ValuesOfGroup, inverse = 1 / Math.Sqrt(variance + Spec.Epsilon);
            _inverseStandardDeviation[example * Spec.Groups + group] = inverse;
            _passing[example * Spec.Groups + group] = ChannelNormalization.IsConstant(variance, Spec.Epsilon) ? 0 : inverse;
        }
    }

    /// <summary>The example's gradients of shift and scale, the sums over its locations of dy and dy·x̂, to the slice's sums.</summary>
    private void AddGradients(GradientAccumulators slices, int example, Sums sums, int slot, BackwardQuantities quantities)
    {
        float* scale = slices.Gradient(slot, 0, quantities), shift = slices.Gradient(slot, 1, quantities);
        float* scaleSquares = slices.Squares(slot, 0, quantities), shiftSquares = slices.Squares(slot, 1, quantities);
        for (int c = 0; c < Channels; c++)
        {
            sums.Second[c] *= _inverseStandardDeviation[example * Spec.Groups + c / _groupChannels];
            (float ofScale, float ofShift) = ((float)sums.Second[c], (float)sums.First[c]);
            if (scale is not null)
            {
                scale[c] += ofScale;
                shift[c] += ofShift;
            }

            if (scaleSquares is not null)
            {
                scaleSquares[c] += ofScale * ofScale;
                shiftSquares[c] += ofShift * ofShift;
            }
        }
    }

    /// <summary>dx = r·(scale·dy - (1/M) sum scale·dy - x̂ (1/M) sum scale·dy·x̂), sums over the M values of the group, r = 1 / √(variance + ε); 0 where they are all the same.</summary>
    private void PrepareInputGradient(int example, Sums sums)
    {
        for (int group = 0; group < Spec.Groups; group++)
        {
            double inverse = _passing[example * Spec.Groups + group], ofShift = 0, ofScale = 0;
            for (int c = group * _groupChannels; c < (group + 1) * _groupChannels; c++)
            {
                ofShift += Scale.ValuesPointer[c] * sums.First[c];
                ofScale += Scale.ValuesPointer[c] * sums.Second[c];
            }

            for (int c = group * _groupChannels; c < (group + 1) * _groupChannels; c++)
            {
                sums.Scale[c] = Scale.ValuesPointer[c] * inverse;
                sums.Slope[c] = -inverse * inverse * ofScale / ValuesOfGroup;
                sums.Offset[c] = -inverse * ofShift / ValuesOfGroup;
            }
        }
    }

    /// <summary>What a worker has for each channel [C] while it is at an example.</summary>
    private sealed class Sums(int channels)
    {
        /// <summary>Mean going forward, the sum of dy (the gradient of the shift) going back.</summary>
        public readonly double[] First = new double[channels];

        /// <summary>Squared deviations going forward, the sum of dy·x̂ (the gradient of the scale) going back.</summary>
        public readonly double[] Second = new double[channels];

        public readonly double[] Mean = new double[channels];

        public readonly double[] Scale = new double[channels];

        public readonly double[] Slope = new double[channels];

        public readonly double[] Offset = new double[channels];
    }
}
