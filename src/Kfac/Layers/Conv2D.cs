using Kfac.Kernels;
using Kfac.Memory;
using Kfac.Networks;
using Kfac.Parallel;

namespace Kfac.Layers;

/// <summary>s[i,j,k] = bias[k] + sum over r,s,c of x[i·sy+r·dy-top, j·sx+s·dx-left, c] · filter[r,s,c,k], c of k's group; see <see cref="Conv2DSpec"/>.</summary>
internal sealed unsafe class Conv2D : ExampleLayer
{
    private IConvolutionKernel? _kernel;
    private AlignedBuffer _packedForward = null!;
    private AlignedBuffer? _packedBackward;
    private AlignedBuffer[] _scratch = [];
    private BatchNorm? _folded;
    private AlignedBuffer? _foldedFilter;
    private AlignedBuffer? _foldedBias;
    private readonly WorkerAction _batchUnit;
    private GradientAccumulators? _sums;
    private BatchPhase _phase;
    private bool _hasInputsOfGradient, _hasInputsOfSquares;

    internal Conv2D(string name, Conv2DSpec spec, ImageShape input)
        : base(name, input, spec.InferOutput(input))
    {
        Spec = spec;
        Geometry = GeometryOf(spec, input);
        _batchUnit = RunBatchUnit;
    }

    /// <summary>The layer's description.</summary>
    public Conv2DSpec Spec { get; }

    /// <summary>The filter [R, S, C / Groups, K].</summary>
    public Parameter Filter { get; private set; } = null!;

    /// <summary>The bias [K], if there is one.</summary>
    public Parameter? Bias { get; private set; }

    internal ConvolutionGeometry Geometry { get; }

    /// <summary>Set when the next layer is a ReLU: it is then applied as the outputs are written.</summary>
    internal bool AppliesRelu { get; set; }

    /// <summary>Set when the layer before is a ReLU: the input's gradient is then taken back through it as it is written.</summary>
    internal bool InputIsRelu { get; set; }

    /// <summary>Whether it already does a normalisation's work.</summary>
    internal bool HasFolded => _folded is not null;

    /// <summary>Has it write what <paramref name="norm"/>, the next layer, would make of its outputs in a network that only predicts.</summary>
    internal void Fold(BatchNorm norm) => _folded = norm;

    /// <summary>Planned when first used: the parameters of a network that is only described need none.</summary>
    private IConvolutionKernel Kernel => _kernel ??= IConvolutionKernel.For(Geometry);

    internal override Halo InputHalo => Kernel.InputHalo;

    internal override Halo OutputGradientHalo => Kernel.OutputGradientHalo;

    internal override int ScratchLength => Kernel.ScratchLength;

    internal override int PreferredExamples => Kernel.PreferredExamples;

    internal override bool NeedsBatchForGradients => !IsFrozen && Kernel.BatchGradient is not null;

    /// <summary>The squared gradients of the first so many examples of a batch are averaged.</summary>
    internal int SquaredExamples { get; set; } = int.MaxValue;

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
        Filter = store.GetOrAdd($"{Name}/filter", [Spec.KernelHeight, Spec.KernelWidth, InputShape.Channels / Spec.Groups, Spec.Filters], KindOf(ParameterKind.Weights));
        Bias = Spec.UseBias ? store.GetOrAdd($"{Name}/bias", [Spec.Filters], KindOf(ParameterKind.Bias)) : null;
        ParameterArray = Bias is null ? Trained(Filter) : Trained(Filter, Bias);
    }

    internal override void Initialize(int seed, int index)
    {
        InitializeHe(Filter, Geometry.PatchLength, seed, index);
        if (Spec.Initialization == FilterInitialization.Identity)
        {
            InitializeIdentity();
        }
    }

    internal override void Connect(ActivationBuffer input, ActivationBuffer output, ActivationBuffer? inputGradient, ActivationBuffer? outputGradient, AlignedBuffer[] scratch)
    {
        base.Connect(input, output, inputGradient, outputGradient, scratch);
        _packedForward = new AlignedBuffer(Kernel.PackedForwardLength);
        _scratch = scratch;
        (_foldedFilter, _foldedBias) = _folded is null ? (null, null) : (new AlignedBuffer(Filter.Length), new AlignedBuffer(Spec.Filters));
        if (outputGradient is not null)
        {
            _packedBackward = inputGradient is null ? null : new AlignedBuffer(Kernel.PackedBackwardLength);
            _sums = IsFrozen || NeedsBatchForGradients ? null : new GradientAccumulators(ParameterArray, SliceSlots);
        }
    }

    internal override void PrepareParameters(bool forBackward)
    {
        FoldParameters();
        Kernel.PackForward(_foldedFilter is null ? Filter.ValuesPointer : _foldedFilter.Pointer, _packedForward.Pointer);
        if (forBackward && _packedBackward is not null)
        {
            Kernel.PackBackward(Filter.ValuesPointer, _packedBackward.Pointer);
        }
    }

    internal override void Forward(ExampleRange range, int worker)
    {
        float* bias = _foldedBias is not null ? _foldedBias.Pointer : Bias is null ? null : Bias.ValuesPointer;
        Kernel.Forward(Input[range], _packedForward.Pointer, bias, AppliesRelu, Output[range], _scratch[worker].Pointer, Prefetchers[worker]);
    }

    internal override void BeginSlice(int slot, BackwardQuantities quantities) => _sums?.Begin(slot, quantities);

    internal override void Backward(ExampleRange range, int slot, int worker, BackwardQuantities quantities)
    {
        if (_sums is not null)
        {
            int end = quantities.HasFlag(BackwardQuantities.SquaredGradient) ? Math.Clamp(SquaredExamples, range.First, range.End) : range.End;
            BackwardFilter(_sums, new ExampleRange(range.First, end), slot, worker, quantities);
            BackwardFilter(_sums, new ExampleRange(end, range.End), slot, worker, quantities & ~BackwardQuantities.SquaredGradient);
        }

        if (InputGradient is not null)
        {
            Kernel.BackwardData(
                OutputGradient![range], _packedBackward!.Pointer, InputGradient[range], InputIsRelu ? Input[range] : default, _scratch[worker].Pointer, Prefetchers[worker]);
        }
    }

    private void BackwardFilter(GradientAccumulators accumulators, ExampleRange range, int slot, int worker, BackwardQuantities quantities)
    {
        if (range.Count > 0)
        {
            var sums = new FilterGradientTarget(
                accumulators.Gradient(slot, 0, quantities), accumulators.Squares(slot, 0, quantities), accumulators.Gradient(slot, 1, quantities), accumulators.Squares(slot, 1, quantities));
            Kernel.BackwardFilter(Input[range], OutputGradient![range], sums, _scratch[worker].Pointer, Prefetchers[worker]);
        }
    }

    internal override void AddSlice(int slot, bool isFirst, BackwardQuantities quantities) => _sums?.Add(slot, isFirst, quantities);

    internal override void AverageSlices(int examples, BackwardQuantities quantities)
    {
        _sums?.Average(examples, quantities & ~BackwardQuantities.SquaredGradient);
        _sums?.Average(SquaredOf(examples), quantities & BackwardQuantities.SquaredGradient);
    }

    /// <summary>How many of so many examples have their squares averaged.</summary>
    private int SquaredOf(int examples) => Math.Min(SquaredExamples, examples);

    internal override int BatchScratchLength(int examples) => IsFrozen ? 0 :
        Math.Max(Kernel.BatchGradient?.ScratchLength(examples) ?? 0, Kernel.BatchSquares?.ScratchLength(examples) ?? 0);

    internal override void BeginForward(ForwardPass pass) => _hasInputsOfGradient = _hasInputsOfSquares = false;

    /// <remarks>Ranks exchange dy and what they need of x, and each goes through the whole batch for some parts of the result.</remarks>
    internal override void BackwardBatch(BatchPartition batch, Workers workers, BackwardQuantities quantities)
    {
        bool squares = quantities.HasFlag(BackwardQuantities.SquaredGradient), gradient = quantities.HasFlag(BackwardQuantities.Gradient);
        if (!NeedsBatchForGradients || !(squares || gradient))
        {
            return;
        }

        int squared = SquaredOf(batch.Examples);
        bool isFused = squares && squared == batch.Examples;
        GatherOutputGradients(batch, gradient ? batch.Examples : squared, gradient && !isFused, squares);
        if (gradient && !isFused)
        {
            RunBatch(batch, batch.Examples, workers, gradient: true, squares: false);
        }

        if (squares)
        {
            RunBatch(batch, squared, workers, gradient && isFused, squares: true);
        }
    }

    private void RunBatch(BatchPartition batch, int examples, Workers workers, bool gradient, bool squares)
    {
        IBatchFilterGradient kernel = squares ? Kernel.BatchSquares! : Kernel.BatchGradient!;
        ref bool hasInputs = ref squares ? ref _hasInputsOfSquares : ref _hasInputsOfGradient;
        if (!hasInputs)
        {
            GatherInputs(kernel, batch, examples);
            hasInputs = true;
        }

        Communicator ranks = batch.Communicator;
        int first = FirstPart(kernel, ranks, ranks.Rank), end = FirstPart(kernel, ranks, ranks.Rank + 1);
        for (int phase = 0; phase < kernel.Phases(examples) && first < end; phase++)
        {
            _phase = new BatchPhase(kernel, phase, first..end, new ExampleRange(0, examples), gradient, squares);
            workers.Run(kernel.Units(phase, examples, first..end), _batchUnit);
        }

        if (gradient)
        {
            GatherParts(kernel, ranks, Filter.GradientPointer, Bias is null ? null : Bias.GradientPointer);
        }

        if (squares)
        {
            GatherParts(kernel, ranks, Filter.SquaredGradientPointer, Bias is null ? null : Bias.SquaredGradientPointer);
        }
    }

    /// <summary>Copies dy to each rank that has a part of what comes from it.</summary>
    private void GatherOutputGradients(BatchPartition batch, int examples, bool forGradient, bool forSquares)
    {
        Communicator ranks = batch.Communicator;
        Span<Range> wanted = stackalloc Range[ranks.Size];
        for (int rank = 0; rank < ranks.Size; rank++)
        {
            bool hasPart = (forGradient && HasPart(Kernel.BatchGradient!, ranks, rank)) || (forSquares && HasPart(Kernel.BatchSquares!, ranks, rank));
            wanted[rank] = hasPart ? Range.All : default;
        }

        MapExchange.Gather(OutputGradient!, batch, examples, wanted);
    }

    /// <summary>Copies to each rank the channels of x that its parts are made of.</summary>
    private void GatherInputs(IBatchFilterGradient kernel, BatchPartition batch, int examples)
    {
        Communicator ranks = batch.Communicator;
        Span<Range> wanted = stackalloc Range[ranks.Size];
        for (int rank = 0; rank < ranks.Size; rank++)
        {
            wanted[rank] = kernel.ChannelsOf(FirstPart(kernel, ranks, rank)..FirstPart(kernel, ranks, rank + 1));
        }

        MapExchange.Gather(Input, batch, examples, wanted);
    }

    private static bool HasPart(IBatchFilterGradient kernel, Communicator ranks, int rank) => FirstPart(kernel, ranks, rank) < FirstPart(kernel, ranks, rank + 1);

    private static int FirstPart(IBatchFilterGradient kernel, Communicator ranks, int rank) => (int)((long)kernel.Parts * rank / ranks.Size);

    /// <summary>Copies the parts that each rank has computed to all ranks.</summary>
    private void GatherParts(IBatchFilterGradient kernel, Communicator ranks, float* filter, float* bias)
    {
        if (ranks.Size == 1)
        {
            return;
        }

        Span<int> starts = stackalloc int[ranks.Size + 1];
        int ownerOfBias = 0;
        for (int rank = 0; rank <= ranks.Size; rank++)
        {
            int part = FirstPart(kernel, ranks, rank);
            starts[rank] = kernel.StartOf(part);
            ownerOfBias = part <= kernel.PartWithBias ? rank : ownerOfBias;
        }

        int block = Filter.Length / kernel.Blocks;
        for (int i = 0; i < kernel.Blocks; i++)
        {
            ranks.AllGather(new Span<float>(filter + ((nint)i * block), block), starts);
        }

        if (bias != null)
        {
            ranks.Broadcast(new Span<float>(bias, Bias!.Length), ownerOfBias);
        }
    }

    /// <summary>Of each group, filter k copies channel k, as far as there are both.</summary>
    private void InitializeIdentity()
    {
        int channels = Filter.Shape[2], filters = Spec.Filters, groupFilters = filters / Spec.Groups, copies = Math.Min(channels, groupFilters);
        int middle = (Spec.KernelHeight / 2 * Spec.KernelWidth + Spec.KernelWidth / 2) * channels;
        Span<float> values = Filter.MutableValues;
        for (int group = 0; group < Spec.Groups; group++)
        {
            for (int copy = 0; copy < copies; copy++)
            {
                int k = group * groupFilters + copy;
                for (int i = k; i < values.Length; i += filters)
                {
                    values[i] = 0;
                }

                values[(middle + copy) * filters + k] = 1;
            }
        }
    }

    /// <summary>filter[r, s, c, k] slope[k] and bias[k] slope[k] + offset[k].</summary>
    private void FoldParameters()
    {
        for (int k = 0; k < Spec.Filters && _folded is not null; k++)
        {
            (double slope, double offset) = _folded.Map(k);
            _foldedBias!.Pointer[k] = (float)(offset + (Bias is null ? 0 : Bias.ValuesPointer[k] * slope));
            for (int i = k; i < Filter.Length; i += Spec.Filters)
            {
                _foldedFilter!.Pointer[i] = (float)(Filter.ValuesPointer[i] * slope);
            }
        }
    }

    private void RunBatchUnit(int unit, int worker)
    {
        (IBatchFilterGradient kernel, int phase, Range parts, ExampleRange batch, bool gradient, bool squares) = _phase;
        var means = new FilterGradientTarget(
            gradient ? Filter.GradientPointer : null, squares ? Filter.SquaredGradientPointer : null,
            gradient && Bias is not null ? Bias.GradientPointer : null, squares && Bias is not null ? Bias.SquaredGradientPointer : null);
        kernel.Run(phase, unit, parts, Input[batch], OutputGradient![batch], means, BatchScratch.Pointer);
    }

    /// <summary>What the workers are at.</summary>
    private readonly record struct BatchPhase(IBatchFilterGradient Kernel, int Phase, Range Parts, ExampleRange Batch, bool Gradient, bool Squares);
}
