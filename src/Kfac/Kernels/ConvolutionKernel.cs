using System.Diagnostics;

namespace Kfac.Kernels;

/// <summary>
/// The three passes of one convolution over one example, each on the calling thread and without allocation:
/// forward, gradient with respect to the input, gradient with respect to the filter with its square.
/// An instance is immutable and shared by all workers; scratch belongs to a worker.
/// </summary>
internal sealed unsafe class ConvolutionKernel
{
    private readonly ConvolutionGeometry _g;

    /// <param name="geometry">The shape.</param>
    /// <param name="isa">Forces an instruction set; null takes <see cref="InstructionSets.Current"/>.</param>
    public ConvolutionKernel(ConvolutionGeometry geometry, InstructionSet? isa = null)
    {
        _g = geometry;
        InstructionSet = isa ?? InstructionSets.Current;
    }

    public ConvolutionGeometry Geometry => _g;

    public InstructionSet InstructionSet { get; }

    /// <summary>What the forward and the backward-filter pass read around x.</summary>
    public Halo InputHalo => new(_g.PadTop, _g.PadLeft,
        Math.Max(((_g.OutH - 1) * _g.StrideY) + _g.R - _g.PadTop - _g.H, 0),
        Math.Max(((_g.OutW - 1) * _g.StrideX) + _g.S - _g.PadLeft - _g.W, 0));

    /// <summary>What the backward-data pass reads around dy.</summary>
    public Halo OutputGradientHalo
    {
        get
        {
            int top = 0, left = 0, bottom = 0, right = 0;
            for (int i = 0; i < _g.H; i++)
            {
                top = Math.Max(top, (_g.R - 1 - _g.PadTop - i + _g.StrideY - 1) / _g.StrideY);
                bottom = Math.Max(bottom, ((i + _g.PadTop) / _g.StrideY) - _g.OutH + 1);
            }
            for (int j = 0; j < _g.W; j++)
            {
                left = Math.Max(left, (_g.S - 1 - _g.PadLeft - j + _g.StrideX - 1) / _g.StrideX);
                right = Math.Max(right, ((j + _g.PadLeft) / _g.StrideX) - _g.OutW + 1);
            }
            return new Halo(top, left, bottom, right);
        }
    }

    /// <summary>Floats of a filter packed for <see cref="Forward"/>.</summary>
    public int PackedForwardLength => _g.PatchLength * _g.K;

    /// <summary>Floats of a filter packed for the backward-data pass.</summary>
    public int PackedBackwardLength => _g.PatchLength * _g.K;

    /// <summary>Floats of scratch each worker brings.</summary>
    public int ScratchLength => 16;

    /// <param name="filter">[R, S, C, K]</param>
    /// <param name="packed">[PackedForwardLength], overwritten</param>
    public void PackForward(float* filter, float* packed) =>
        new ReadOnlySpan<float>(filter, PackedForwardLength).CopyTo(new Span<float>(packed, PackedForwardLength));

    /// <param name="filter">[R, S, C, K]</param>
    /// <param name="packed">[PackedBackwardLength], overwritten</param>
    public void PackBackward(float* filter, float* packed) =>
        new ReadOnlySpan<float>(filter, PackedBackwardLength).CopyTo(new Span<float>(packed, PackedBackwardLength));

    /// <summary>y = corr(x, filter) + bias, or max(0, that) with <paramref name="relu"/>.</summary>
    /// <param name="x">[H, W, C] with <see cref="InputHalo"/></param>
    /// <param name="packed">from <see cref="PackForward"/></param>
    /// <param name="bias">[K], or null for none</param>
    /// <param name="relu">Whether negative sums become 0.</param>
    /// <param name="y">[OutH, OutW, K], interior overwritten</param>
    /// <param name="scratch">[ScratchLength]</param>
    public void Forward(ImagePlane x, float* packed, float* bias, bool relu, ImagePlane y, float* scratch)
    {
        Debug.Assert(!x.IsNone && !y.IsNone);
        for (int i = 0; i < _g.OutH; i++)
            for (int j = 0; j < _g.OutW; j++)
                for (int k = 0; k < _g.K; k++)
                {
                    float sum = bias == null ? 0f : bias[k];
                    for (int r = 0; r < _g.R; r++)
                        for (int s = 0; s < _g.S; s++)
                            for (int c = 0; c < _g.C; c++)
                                sum += *Input(x, i, j, r, s, c) * packed[(((r * _g.S + s) * _g.C + c) * _g.K) + k];
                    y.Origin[(i * y.RowStride) + (j * _g.K) + k] = relu ? Math.Max(sum, 0f) : sum;
                }
    }

    /// <summary>dx = the gradient of sum(y * dy) with respect to x; 0 where <paramref name="gate"/> is given and not positive.</summary>
    /// <param name="dy">[OutH, OutW, K] with <see cref="OutputGradientHalo"/></param>
    /// <param name="packed">from <see cref="PackBackward"/></param>
    /// <param name="dx">[H, W, C], interior overwritten</param>
    /// <param name="gate">[H, W, C] or default: where x came out of a rectifier, x itself, and dx has passed back through it.</param>
    /// <param name="scratch">[ScratchLength]</param>
    public void BackwardData(ImagePlane dy, float* packed, ImagePlane dx, ImagePlane gate, float* scratch)
    {
        Debug.Assert(!dy.IsNone && !dx.IsNone);
        for (int i = 0; i < _g.H; i++)
            for (int j = 0; j < _g.W; j++)
                for (int c = 0; c < _g.C; c++)
                {
                    float sum = 0f;
                    for (int r = 0; r < _g.R; r++)
                        for (int s = 0; s < _g.S; s++)
                        {
                            int oi = i + _g.PadTop - r, oj = j + _g.PadLeft - s;
                            if (oi < 0 || oj < 0 || oi % _g.StrideY != 0 || oj % _g.StrideX != 0
                                || oi / _g.StrideY >= _g.OutH || oj / _g.StrideX >= _g.OutW)
                                continue;
                            float* from = dy.Origin + (oi / _g.StrideY * dy.RowStride) + (oj / _g.StrideX * _g.K);
                            for (int k = 0; k < _g.K; k++)
                                sum += from[k] * packed[(((r * _g.S + s) * _g.C + c) * _g.K) + k];
                        }
                    bool open = gate.IsNone || gate.Origin[(i * gate.RowStride) + (j * _g.C) + c] > 0f;
                    dx.Origin[(i * dx.RowStride) + (j * _g.C) + c] = open ? sum : 0f;
                }
    }

    /// <inheritdoc cref="BackwardData(ImagePlane, float*, ImagePlane, ImagePlane, float*)"/>
    public void BackwardData(ImagePlane dy, float* packed, ImagePlane dx, float* scratch) => BackwardData(dy, packed, dx, default, scratch);

    /// <summary>
    /// For each example, T[p, k] = sum over locations of patch[location, p] * dy[location, k], then
    /// gradient += T and squares += T * T; the same for the bias with patch = 1.
    /// First summed over the locations, then squared. Several examples in one call give the same bits as one call each,
    /// and save passes over the sums where the filter is large and the image small.
    /// </summary>
    /// <param name="x">[H, W, C] with <see cref="InputHalo"/>, of the first example</param>
    /// <param name="xStep">Floats from an example's x to the next one's.</param>
    /// <param name="dy">[OutH, OutW, K], of the first example; its halo is not read</param>
    /// <param name="dyStep">Floats from an example's dy to the next one's.</param>
    /// <param name="examples">How many examples.</param>
    /// <param name="sums">Added to.</param>
    /// <param name="scratch">[ScratchLength]</param>
    public void BackwardFilter(ImagePlane x, nint xStep, ImagePlane dy, nint dyStep, int examples, FilterSums sums, float* scratch)
    {
        Debug.Assert(!x.IsNone && !dy.IsNone);
        for (int e = 0; e < examples; e++)
        {
            ImagePlane xe = new(x.Origin + (e * xStep), x.RowStride);
            float* dye = dy.Origin + (e * dyStep);
            for (int k = 0; k < _g.K; k++)
            {
                for (int r = 0; r < _g.R; r++)
                    for (int s = 0; s < _g.S; s++)
                        for (int c = 0; c < _g.C; c++)
                        {
                            float sum = 0f;
                            for (int i = 0; i < _g.OutH; i++)
                                for (int j = 0; j < _g.OutW; j++)
                                    sum += *Input(xe, i, j, r, s, c) * dye[(i * dy.RowStride) + (j * _g.K) + k];
                            int at = (((r * _g.S + s) * _g.C + c) * _g.K) + k;
                            if (sums.Gradient != null)
                                sums.Gradient[at] += sum;
                            if (sums.Squares != null)
                                sums.Squares[at] += sum * sum;
                        }

                float total = 0f;
                for (int i = 0; i < _g.OutH; i++)
                    for (int j = 0; j < _g.OutW; j++)
                        total += dye[(i * dy.RowStride) + (j * _g.K) + k];
                if (sums.BiasGradient != null)
                    sums.BiasGradient[k] += total;
                if (sums.BiasSquares != null)
                    sums.BiasSquares[k] += total * total;
            }
        }
    }

    /// <inheritdoc cref="BackwardFilter(ImagePlane, nint, ImagePlane, nint, int, FilterSums, float*)"/>
    public void BackwardFilter(ImagePlane x, ImagePlane dy, FilterSums sums, float* scratch) => BackwardFilter(x, 0, dy, 0, 1, sums, scratch);

    private float* Input(ImagePlane x, int i, int j, int r, int s, int c) =>
        x.Origin + (((i * _g.StrideY) + r - _g.PadTop) * x.RowStride) + (((j * _g.StrideX) + s - _g.PadLeft) * _g.C) + c;
}
