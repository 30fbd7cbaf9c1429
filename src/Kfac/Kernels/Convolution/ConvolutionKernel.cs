using System.Diagnostics;

namespace Kfac.Kernels;

/// <summary>The tuned kernel of a convolution without dilation and groups; see <see cref="IConvolutionKernel"/>.</summary>
internal sealed unsafe class ConvolutionKernel : IConvolutionKernel
{
    private readonly ConvolutionGeometry _g;
    private readonly ICorrelation _forward;
    private readonly StridePhase[] _backward;
    private readonly IFilterGradient _filter;

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
        _filter = winograd && WinogradFilterGradient.Suits(_g) ? new WinogradFilterGradient(lanes, _g) : new FilterGradient(lanes, _g);
        PackedBackwardLength = _backward.Sum(phase => phase.Correlation.PackedLength);
        ScratchLength = new[]
        {
            _forward.ScratchLength, _backward.Max(phase => phase.Correlation.ScratchLength), _filter.ScratchLength,
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
    public void Forward(ImagePlane x, float* packed, float* bias, bool relu, ImagePlane y, float* scratch, Prefetcher? ahead = null)
    {
        Debug.Assert(!x.IsNone && !y.IsNone);
        _forward.Run(
            new PixelGrid(FirstPatch(x).Origin, _g.StrideY * x.RowStride, _g.StrideX * _g.C), x.RowStride, packed,
            bias, relu ? 0f : float.NegativeInfinity,
            new PixelGrid(y.Origin, y.RowStride, _g.K), default, scratch, ahead);
    }

    /// <inheritdoc/>
    public void BackwardData(ImagePlane dy, float* packed, ImagePlane dx, ImagePlane gate, float* scratch, Prefetcher? ahead = null)
    {
        Debug.Assert(!dy.IsNone && !dx.IsNone);
        foreach (StridePhase phase in _backward)
        {
            phase.Run(_g, dy, packed, dx, gate, scratch, ahead);
            packed += phase.Correlation.PackedLength;
        }
    }

    /// <inheritdoc cref="BackwardData(ImagePlane, float*, ImagePlane, ImagePlane, float*, Prefetcher?)"/>
    public void BackwardData(ImagePlane dy, float* packed, ImagePlane dx, float* scratch) => BackwardData(dy, packed, dx, default, scratch);

    /// <inheritdoc/>
    public void BackwardFilter(ImagePlane x, nint xStep, ImagePlane dy, nint dyStep, int examples, FilterGradientTarget sums, float* scratch, Prefetcher? ahead = null)
    {
        Debug.Assert(!x.IsNone && !dy.IsNone && examples > 0);
        if (sums.Gradient != null || sums.Squares != null)
            _filter.Run(FirstPatch(x), xStep, dy, dyStep, examples, sums, scratch, ahead);
    }

    /// <inheritdoc cref="BackwardFilter(ImagePlane, nint, ImagePlane, nint, int, FilterGradientTarget, float*, Prefetcher?)"/>
    public void BackwardFilter(ImagePlane x, ImagePlane dy, FilterGradientTarget sums, float* scratch) => BackwardFilter(x, 0, dy, 0, 1, sums, scratch);

    private ImagePlane FirstPatch(ImagePlane x) => new(x.Origin - (_g.PadTop * x.RowStride) - (_g.PadLeft * _g.C), x.RowStride);
}
