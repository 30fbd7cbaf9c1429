using System.Diagnostics;

namespace Kfac.Kernels;

/// <summary>The tuned kernel of a convolution without dilation and groups; see <see cref="IConvolutionKernel"/>.</summary>
internal sealed unsafe class ConvolutionKernel : IConvolutionKernel
{
    private readonly ConvolutionGeometry _g;
    private readonly ICorrelation _forward;
    private readonly StridePhase[] _backward;
    private readonly IFilterGradient _gradient, _squares;

    /// <param name="geometry">The shape.</param>
    /// <param name="isa">Forces an instruction set; null takes <see cref="InstructionSets.Current"/>.</param>
    /// <param name="winograd">Whether <see cref="Winograd"/> may be used, where it applies and pays.</param>
    public ConvolutionKernel(ConvolutionGeometry geometry, InstructionSet? isa = null, bool winograd = true)
    {
        Debug.Assert(geometry is { Groups: 1, DilationY: 1, DilationX: 1 });
        _g = geometry;
        InstructionSet = isa ?? InstructionSets.Current;
        LaneKernels lanes = LaneKernels.For(InstructionSet);
        UsesWinograd = winograd && Winograd.Suits(_g);
        _forward = UsesWinograd
            ? new Winograd(lanes, _g.OutH, _g.OutW, _g.C, _g.K, _g.R)
            : new Correlation(lanes, _g.OutH, _g.OutW, _g.C, _g.K, _g.R, _g.S, _g.RowsRead);
        _backward = [.. StridePhase.Of(_g, lanes, UsesWinograd)];
        _squares = winograd && WinogradFilterGradient.SuitsSquares(_g) ? new WinogradFilterGradient(lanes, _g) : new FilterGradient(lanes, _g);
        _gradient = _squares is FilterGradient && winograd && WinogradFilterGradient.Suits(_g) ? new WinogradFilterGradient(lanes, _g) : _squares;
        if (winograd && WinogradBatchGradient.Suits(_g))
            (BatchGradient, BatchSquares) = (new WinogradBatchGradient(lanes, _g), new BatchFilterGradient(lanes, _g));
        PackedBackwardLength = _backward.Sum(phase => phase.Correlation.PackedLength);
        ScratchLength = new[]
        {
            _forward.ScratchLength, _backward.Max(phase => phase.Correlation.ScratchLength), _gradient.ScratchLength, _squares.ScratchLength,
        }.Max();
    }

    public ConvolutionGeometry Geometry => _g;

    public InstructionSet InstructionSet { get; }

    /// <summary>Whether the forward and the backward-data pass are <see cref="Winograd"/>'s, and the other where its transforms fit.</summary>
    public bool UsesWinograd { get; }

    /// <inheritdoc/>
    public Halo InputHalo => new(_g.PadTop, _g.PadLeft,
        Math.Max(((_g.OutH - 1) * _g.StrideY) + _g.R + _forward.OverhangRows - _g.PadTop - _g.H, 0),
        Math.Max(((_g.OutW - 1) * _g.StrideX) + _g.S + _forward.OverhangColumns - _g.PadLeft - _g.W, 0));

    /// <inheritdoc/>
    public Halo OutputGradientHalo => new(
        Math.Max(-_backward.Min(phase => phase.Y.First), 0),
        Math.Max(-_backward.Min(phase => phase.X.First), 0),
        Math.Max(_backward.Max(phase => phase.Y.Last + phase.Correlation.OverhangRows) - _g.OutH + 1, 0),
        Math.Max(_backward.Max(phase => phase.X.Last + phase.Correlation.OverhangColumns) - _g.OutW + 1, 0));

    /// <inheritdoc/>
    public int PackedForwardLength => _forward.PackedLength;

    /// <inheritdoc/>
    public int PackedBackwardLength { get; }

    /// <inheritdoc/>
    public int ScratchLength { get; }

    /// <inheritdoc/>
    public int PreferredExamples => Math.Max(_forward.PreferredExamples, _backward.Max(phase => phase.Correlation.PreferredExamples));

    /// <inheritdoc/>
    public IBatchFilterGradient? BatchGradient { get; }

    /// <inheritdoc/>
    public IBatchFilterGradient? BatchSquares { get; }

    /// <inheritdoc/>
    public bool SupportsPrefetch => true;

    /// <inheritdoc/>
    public void PackForward(float* filter, float* packed)
    {
        for (int tap = 0; tap < _g.R * _g.S; tap++)
            _forward.PackTap(tap, filter + ((nint)tap * _g.C * _g.K), 1, _g.K, packed);
        _forward.FinishPacking(packed);
    }

    /// <inheritdoc/>
    public void PackBackward(float* filter, float* packed)
    {
        foreach (StridePhase phase in _backward)
        {
            phase.Pack(_g, filter, packed);
            packed += phase.Correlation.PackedLength;
        }
    }

    /// <inheritdoc/>
    public void Forward(ImageBatch x, float* packed, float* bias, bool relu, ImageBatch y, float* scratch, Prefetcher? ahead = null)
    {
        Debug.Assert(!x.IsNone && !y.IsNone);
        PixelGrid patches = _g.FirstPatch(x).Pixels(_g.C);
        _forward.Run(
            x.Count, new PixelGrid(patches.Origin, _g.StrideY * patches.Row, _g.StrideX * patches.Pixel, patches.Example), patches.Row, packed,
            bias, relu ? 0f : float.NegativeInfinity, y.Pixels(_g.K), default, scratch, ahead);
    }

    /// <inheritdoc/>
    public void BackwardData(ImageBatch dy, float* packed, ImageBatch dx, ImageBatch gate, float* scratch, Prefetcher? ahead = null)
    {
        Debug.Assert(!dy.IsNone && !dx.IsNone);
        foreach (StridePhase phase in _backward)
        {
            phase.Run(_g, dy.Count, dy.Pixels(_g.K), packed, dx.Pixels(_g.C), gate.Pixels(_g.C), scratch, ahead);
            packed += phase.Correlation.PackedLength;
        }
    }

    /// <inheritdoc/>
    public void BackwardFilter(ImageBatch x, ImageBatch dy, FilterGradientTarget sums, float* scratch, Prefetcher? ahead = null)
    {
        Debug.Assert(!x.IsNone && !dy.IsNone && x.Count > 0);
        if (sums.Squares != null)
            _squares.Run(_g.FirstPatch(x), dy, sums, scratch, ahead);
        else if (sums.Gradient != null)
            _gradient.Run(_g.FirstPatch(x), dy, sums, scratch, ahead);
    }
}
