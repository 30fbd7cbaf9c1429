using Kfac.Kernels;
using Kfac.Memory;
using Kfac.Networks;
using Kfac.Parallel;

namespace Kfac.Layers;

/// <summary>y = scale[c] · x̂ + shift[c], x̂ = (x - mean[c]) / √(variance[c] + ε); see <see cref="BatchNormSpec"/>.</summary>
/// <remarks>
/// The gradients of scale and shift that an example has to itself are the sums over its locations of dy·x̂ and dy.
/// </remarks>
internal sealed unsafe class BatchNorm : BatchLayer
{
    private readonly ChannelNormalization _kernel;
    private double[] _mean = [];
    private double[] _inverseStandardDeviation = [];

    /// <summary>The same where a gradient goes through, else 0.</summary>
    private double[] _passing = [];
    private double[] _gain = [];
    private double[] _slope = [];
    private double[] _offset = [];

    // [C], as the kernel takes them.
    private AlignedBuffer _meanFloats = null!;
    private AlignedBuffer _scaleFloats = null!;
    private AlignedBuffer _slopeFloats = null!;
    private AlignedBuffer _offsetFloats = null!;
    private AlignedBuffer[] _scratch = [];

    // For each example and channel: mean and squared deviations going forward, the gradients of shift and scale going back.
    private double[] _first = [];
    private double[] _second = [];

    /// <summary>For each channel, what is summed over the batch, rank after rank.</summary>
    private double[] _sums = [];
    private bool _isTraining;
    private double _keep;

    internal BatchNorm(string name, BatchNormSpec spec, ImageShape input)
        : base(name, input, spec.InferOutput(input))
    {
        Spec = spec;
        _kernel = new ChannelNormalization(input.Height, input.Width, input.Channels);
    }

    /// <summary>The layer's description.</summary>
    public BatchNormSpec Spec { get; }

    /// <summary>The scale [C].</summary>
    public Parameter Scale { get; private set; } = null!;

    /// <summary>The shift [C].</summary>
    public Parameter Shift { get; private set; } = null!;

    /// <summary>The running mean [C].</summary>
    public Parameter RunningMean { get; private set; } = null!;

    /// <summary>The running variance [C].</summary>
    public Parameter RunningVariance { get; private set; } = null!;

    /// <summary>Set when the next layer is a ReLU: it is then applied as the outputs are written.</summary>
    internal bool AppliesRelu { get; set; }

    internal override int ScratchLength => _kernel.ScratchLength;

    private int Channels => InputShape.Channels;

    internal override void AddParameters(ParameterStore store)
    {
        Scale = store.GetOrAdd($"{Name}/scale", [Channels], KindOf(ParameterKind.Scale));
        Shift = store.GetOrAdd($"{Name}/shift", [Channels], KindOf(ParameterKind.Bias));
        RunningMean = store.GetOrAdd($"{Name}/mean", [Channels], ParameterKind.Statistic);
        RunningVariance = store.GetOrAdd($"{Name}/variance", [Channels], ParameterKind.Statistic, isVariance: true);
        ParameterArray = Trained(Scale, Shift);
    }

    internal override void Initialize(int seed, int index)
    {
        Scale.MutableValues.Fill(1);
        RunningVariance.MutableValues.Fill(1);
    }

    internal override void Connect(ActivationBuffer input, ActivationBuffer output, ActivationBuffer? inputGradient, ActivationBuffer? outputGradient, AlignedBuffer[] scratch)
    {
        base.Connect(input, output, inputGradient, outputGradient, scratch);
        _scratch = scratch;
        (_mean, _inverseStandardDeviation, _passing) = (new double[Channels], new double[Channels], new double[Channels]);
        (_gain, _slope, _offset) = (new double[Channels], new double[Channels], new double[Channels]);
        (_meanFloats, _scaleFloats, _slopeFloats, _offsetFloats) = (NewFloats(), NewFloats(), NewFloats(), NewFloats());
        _sums = new double[4 * Channels];
        (_first, _second) = outputGradient is null ? ([], []) : (new double[input.Capacity * Channels], new double[input.Capacity * Channels]);
    }

    /// <summary>What y = slope · x + offset is for a channel when it predicts.</summary>
    internal (double Slope, double Offset) Map(int channel)
    {
        double slope = Scale.ValuesPointer[channel] / Math.Sqrt(RunningVariance.ValuesPointer[channel] + Spec.Epsilon);
        return (slope, Shift.ValuesPointer[channel] - RunningMean.ValuesPointer[channel] * slope);
    }

    internal override void BeginForward(ForwardPass pass)
    {
        _isTraining = pass.IsTraining && !IsFrozen;
        _keep = Math.Min(Spec.Momentum, pass.Number / (pass.Number + 1.0));
    }

    internal override bool HasExampleParts => true;

    internal override void BeforeForward(int example, int worker)
    {
        if (_isTraining)
        {
            _kernel.Moments(Input[example], Of(_first, example), Of(_second, example), _scratch[worker].Pointer);
        }
    }

    internal override void Forward(BatchPartition batch, Workers workers)
    {
        if (_isTraining)
        {
            TakeStatistics(batch);
        }
        else
        {
            for (int c = 0; c < Channels; c++)
            {
                UseStatistics(c, RunningMean.ValuesPointer[c], RunningVariance.ValuesPointer[c]);
            }
        }

        PrepareForward();
    }

    internal override void AfterForward(int example, int worker) =>
        _kernel.Forward(Input[example], Output[example], _meanFloats.Pointer, _scaleFloats.Pointer, _offsetFloats.Pointer, AppliesRelu);

    internal override void BeforeBackward(int example, int worker) =>
        _kernel.GradientSums(Input[example], OutputGradient![example], _meanFloats.Pointer, Of(_first, example), Of(_second, example), _scratch[worker].Pointer);

    internal override void Backward(BatchPartition batch, Workers workers, BackwardQuantities quantities)
    {
        AddGradients(batch);
        for (int c = 0; c < Channels; c++)
        {
            TakeGradients(c, batch.Examples, quantities);
            _gain[c] = Scale.ValuesPointer[c] * _passing[c];
        }

        ChannelNormalization.Round(_gain, _scaleFloats.Pointer);
        ChannelNormalization.Round(_slope, _slopeFloats.Pointer);
        ChannelNormalization.Round(_offset, _offsetFloats.Pointer);
    }

    internal override void AfterBackward(int example, int worker)
    {
        if (InputGradient is not null)
        {
            _kernel.Backward(Input[example], OutputGradient![example], InputGradient[example], _meanFloats.Pointer, _scaleFloats.Pointer, _slopeFloats.Pointer, _offsetFloats.Pointer);
        }
    }

    private Span<double> Of(double[] sums, int example) => sums.AsSpan(example * Channels, Channels);

    private AlignedBuffer NewFloats() => new(Channels);

    /// <summary>Mean and variance of the batch from those of its examples (Chan, Golub and LeVeque 1979), in the examples' order.</summary>
    private void TakeStatistics(BatchPartition batch)
    {
        double locations = InputShape.Height * InputShape.Width, total = batch.Examples * locations;
        Span<double> sums = _sums.AsSpan(0, 2 * Channels);
        sums.Clear();
        batch.Communicator.ReceiveSums(sums);
        for (int c = 0; c < Channels; c++)
        {
            ref double mean = ref sums[c], deviations = ref sums[Channels + c];
            double count = batch.Own.First * locations;
            for (int n = batch.Own.First; n < batch.Own.End; n++)
            {
                double difference = _first[n * Channels + c] - mean;
                deviations += _second[n * Channels + c] + difference * difference * count * locations / (count + locations);
                count += locations;
                mean += difference * locations / count;
            }
        }

        batch.Communicator.PassSums(sums);
        batch.Communicator.ShareSums(sums);
        for (int c = 0; c < Channels; c++)
        {
            double mean = sums[c], variance = sums[Channels + c] / total;
            UseStatistics(c, mean, variance);
            Average(ref RunningMean.ValuesPointer[c], mean);
            Average(ref RunningVariance.ValuesPointer[c], variance);
        }
    }

    private void Average(ref float running, double value) => running = (float)(_keep * running + (1 - _keep) * value);

    private void UseStatistics(int channel, double mean, double variance)
    {
        _mean[channel] = mean;
        _inverseStandardDeviation[channel] = 1 / Math.Sqrt(variance + Spec.Epsilon);
        _passing[channel] = _isTraining && ChannelNormalization.IsConstant(variance, Spec.Epsilon) ? 0 : _inverseStandardDeviation[channel];
    }

    private void PrepareForward()
    {
        for (int c = 0; c < Channels; c++)
        {
            _slope[c] = Scale.ValuesPointer[c] * _inverseStandardDeviation[c];
            _offset[c] = Shift.ValuesPointer[c];
        }

        ChannelNormalization.Round(_mean, _meanFloats.Pointer);
        ChannelNormalization.Round(_slope, _scaleFloats.Pointer);
        ChannelNormalization.Round(_offset, _offsetFloats.Pointer);
    }

    /// <summary>Sums over the batch of each channel's gradients of shift and scale and of their squares, [4, C].</summary>
    private void AddGradients(BatchPartition batch)
    {
        Span<double> sums = _sums;
        sums.Clear();
        batch.Communicator.ReceiveSums(sums);
        for (int c = 0; c < Channels; c++)
        {
            ref double shift = ref sums[c], scale = ref sums[Channels + c], shiftSquares = ref sums[2 * Channels + c], scaleSquares = ref sums[3 * Channels + c];
            for (int n = batch.Own.First; n < batch.Own.End; n++)
            {
                double ofShift = _first[n * Channels + c], ofScale = _second[n * Channels + c] * _inverseStandardDeviation[c];
                shift += ofShift;
                scale += ofScale;
                shiftSquares += ofShift * ofShift;
                scaleSquares += ofScale * ofScale;
            }
        }

        batch.Communicator.PassSums(sums);
        batch.Communicator.ShareSums(sums);
    }

    /// <summary>
    /// The gradients of scale and shift and, with M values of the channel in the batch and r = 1 / √(variance + ε),
    /// dx = scale·r·(dy - (1/M) sum dy - x̂ (1/M) sum dy·x̂), the batch's own mean and variance being functions of x; the
    /// running ones are constants, and dx = scale·r·dy. dx = 0 where the batch's values are all the same.
    /// </summary>
    private void TakeGradients(int channel, int examples, BackwardQuantities quantities)
    {
        double inverse = _passing[channel], shift = _sums[channel], scale = _sums[Channels + channel];
        if (quantities.HasFlag(BackwardQuantities.Gradient))
        {
            Shift.GradientPointer[channel] = (float)(shift / examples);
            Scale.GradientPointer[channel] = (float)(scale / examples);
        }

        if (quantities.HasFlag(BackwardQuantities.SquaredGradient))
        {
            Shift.SquaredGradientPointer[channel] = (float)(_sums[2 * Channels + channel] / examples);
            Scale.SquaredGradientPointer[channel] = (float)(_sums[3 * Channels + channel] / examples);
        }

        double perValue = _isTraining ? -Scale.ValuesPointer[channel] * inverse / ((double)examples * InputShape.Height * InputShape.Width) : 0;
        _slope[channel] = perValue * inverse * scale;
        _offset[channel] = perValue * shift;
    }
}
