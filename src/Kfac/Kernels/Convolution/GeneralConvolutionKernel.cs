using System.Diagnostics;
using System.Numerics.Tensors;

namespace Kfac.Kernels;

/// <summary>
/// A convolution of any dilation and any number of groups, pixel by pixel: each filter tap is one operation on the
/// channels of a pixel of x and of a pixel of y. Depthwise ones run over all channels at a stretch.
/// </summary>
/// <param name="g">The shape.</param>
internal sealed unsafe class GeneralConvolutionKernel(ConvolutionGeometry g) : IConvolutionKernel
{
    private readonly int _filterLength = checked(g.PatchLength * g.K);

    public Halo InputHalo => new(g.PadTop, g.PadLeft, g.PadBottom, g.PadRight);

    public Halo OutputGradientHalo => default;

    public int PackedForwardLength => _filterLength;

    public int PackedBackwardLength => _filterLength;

    public int PreferredExamples => 1;

    public IBatchFilterGradient? BatchGradient => null;

    public IBatchFilterGradient? BatchSquares => null;

    public bool SupportsPrefetch => false;

    /// <summary>T and the bias's.</summary>
    public int ScratchLength => _filterLength + g.K;

    public void PackForward(float* filter, float* packed) => Span(filter, _filterLength).CopyTo(Span(packed, _filterLength));

    public void PackBackward(float* filter, float* packed) => PackForward(filter, packed);

    public void Forward(ImageBatch x, float* packed, float* bias, bool relu, ImageBatch y, float* scratch, Prefetcher? ahead = null)
    {
        Debug.Assert(!x.IsNone && !y.IsNone);
        for (int n = 0; n < x.Count; n++)
            Forward(x[n], packed, bias, relu, y[n]);
    }

    public void BackwardData(ImageBatch dy, float* packed, ImageBatch dx, ImageBatch gate, float* scratch, Prefetcher? ahead = null)
    {
        Debug.Assert(!dy.IsNone && !dx.IsNone);
        for (int n = 0; n < dy.Count; n++)
            BackwardData(dy[n], packed, dx[n], gate.IsNone ? default : gate[n]);
    }

    public void BackwardFilter(ImageBatch x, ImageBatch dy, FilterGradientTarget sums, float* scratch, Prefetcher? ahead = null)
    {
        Debug.Assert(!x.IsNone && !dy.IsNone && x.Count > 0);
        Span<float> filter = Span(scratch, _filterLength), bias = Span(scratch + _filterLength, g.K);
        for (int example = 0; example < x.Count; example++)
        {
            ImagePlane gradient = dy[example];
            filter.Clear();
            VisitTaps<Filter>(x[example], scratch, gradient);
            AddTo(sums.Gradient, sums.Squares, filter);
            if (sums.BiasGradient == null && sums.BiasSquares == null)
                continue;
            bias.Clear();
            for (int i = 0; i < g.OutH; i++)
                for (int j = 0; j < g.OutW; j++)
                    TensorPrimitives.Add(bias, Span(gradient.Origin + (i * gradient.RowStride) + (j * g.K), g.K), bias);
            AddTo(sums.BiasGradient, sums.BiasSquares, bias);
        }
    }

    private void Forward(ImagePlane x, float* packed, float* bias, bool relu, ImagePlane y)
    {
        for (int i = 0; i < g.OutH; i++)
            for (int j = 0; j < g.OutW; j++)
            {
                Span<float> pixel = Span(y.Origin + (i * y.RowStride) + (j * g.K), g.K);
                if (bias == null)
                    pixel.Clear();
                else
                    Span(bias, g.K).CopyTo(pixel);
            }
        VisitTaps<Output>(x, packed, y);
        for (int i = 0; relu && i < g.OutH; i++)
            ReluKernel.Forward(Span(y.Origin + (i * y.RowStride), g.OutW * g.K));
    }

    private void BackwardData(ImagePlane dy, float* packed, ImagePlane dx, ImagePlane gate)
    {
        for (int i = 0; i < g.H; i++)
            Span(dx.Origin + (i * dx.RowStride), g.W * g.C).Clear();
        VisitTaps<Input>(dx, packed, dy);
        for (int i = 0; !gate.IsNone && i < g.H; i++)
            ReluKernel.Backward(Span(gate.Origin + (i * gate.RowStride), g.W * g.C), Span(dx.Origin + (i * dx.RowStride), g.W * g.C));
    }

    /// <summary>Calls <typeparamref name="TOperation"/> for each pixel of y and each tap that meets a pixel of x.</summary>
    private void VisitTaps<TOperation>(ImagePlane x, float* filter, ImagePlane y)
        where TOperation : struct, IOperation
    {
        nint tapLength = (nint)(g.C / g.Groups) * g.K;
        for (int i = 0; i < g.OutH; i++)
            for (int j = 0; j < g.OutW; j++)
                for (int r = 0; r < g.R; r++)
                {
                    int row = (i * g.StrideY) + (r * g.DilationY) - g.PadTop;
                    if ((uint)row >= (uint)g.H)
                        continue;
                    for (int s = 0; s < g.S; s++)
                    {
                        int column = (j * g.StrideX) + (s * g.DilationX) - g.PadLeft;
                        if ((uint)column < (uint)g.W)
                            TOperation.Apply(g, x.Origin + (row * x.RowStride) + (column * g.C), filter + (((r * g.S) + s) * tapLength), y.Origin + (i * y.RowStride) + (j * g.K));
                    }
                }
    }

    private static Span<float> Span(float* from, int length) => new(from, length);

    /// <summary>gradient += sum, squares += sum², where they are given.</summary>
    private static void AddTo(float* gradient, float* squares, ReadOnlySpan<float> sum)
    {
        if (gradient != null)
            TensorPrimitives.Add(Span(gradient, sum.Length), sum, Span(gradient, sum.Length));
        if (squares != null)
            TensorPrimitives.MultiplyAdd(sum, sum, Span(squares, sum.Length), Span(squares, sum.Length));
    }

    /// <summary>What is done with a pixel x [C], a tap [C / Groups, K] and a pixel y [K]; one of them is added to.</summary>
    private interface IOperation
    {
        static abstract void Apply(ConvolutionGeometry g, float* x, float* tap, float* y);
    }

    /// <summary>y[k] += sum over c of x[c] * tap[c, k], c of k's group</summary>
    private readonly struct Output : IOperation
    {
        public static void Apply(ConvolutionGeometry g, float* x, float* tap, float* y)
        {
            if (g.IsDepthwise)
            {
                TensorPrimitives.MultiplyAdd(Span(x, g.C), Span(tap, g.C), Span(y, g.C), Span(y, g.C));
                return;
            }
            (int inputs, int outputs) = (g.C / g.Groups, g.K / g.Groups);
            for (int c = 0; c < g.C; c++)
            {
                int first = c / inputs * outputs;
                Span<float> sums = Span(y + first, outputs);
                TensorPrimitives.MultiplyAdd(Span(tap + (c % inputs * g.K) + first, outputs), x[c], sums, sums);
            }
        }
    }

    /// <summary>x[c] += sum over k of tap[c, k] * y[k], k of c's group</summary>
    private readonly struct Input : IOperation
    {
        public static void Apply(ConvolutionGeometry g, float* x, float* tap, float* y)
        {
            if (g.IsDepthwise)
            {
                TensorPrimitives.MultiplyAdd(Span(y, g.C), Span(tap, g.C), Span(x, g.C), Span(x, g.C));
                return;
            }
            (int inputs, int outputs) = (g.C / g.Groups, g.K / g.Groups);
            for (int c = 0; c < g.C; c++)
            {
                int first = c / inputs * outputs;
                x[c] += TensorPrimitives.Dot(Span(tap + (c % inputs * g.K) + first, outputs), Span(y + first, outputs));
            }
        }
    }

    /// <summary>tap[c, k] += x[c] * y[k], c and k of one group</summary>
    private readonly struct Filter : IOperation
    {
        public static void Apply(ConvolutionGeometry g, float* x, float* tap, float* y)
        {
            if (g.IsDepthwise)
            {
                TensorPrimitives.MultiplyAdd(Span(x, g.C), Span(y, g.C), Span(tap, g.C), Span(tap, g.C));
                return;
            }
            (int inputs, int outputs) = (g.C / g.Groups, g.K / g.Groups);
            for (int c = 0; c < g.C; c++)
            {
                int first = c / inputs * outputs;
                Span<float> sums = Span(tap + (c % inputs * g.K) + first, outputs);
                TensorPrimitives.MultiplyAdd(Span(y + first, outputs), x[c], sums, sums);
            }
        }
    }
}
