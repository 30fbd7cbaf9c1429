namespace Kfac.Kernels;

/// <summary>
/// The pixels of dx that see the same filter taps. Input pixel i takes dy[o] through tap r where o * stride + r - pad = i;
/// so the pixels with (i + pad) mod stride = Tap take taps Tap, Tap + stride, ... and form one dense correlation of dy
/// with those taps in reverse. Stride 1 has one phase: the whole image, the whole filter turned round.
/// </summary>
internal sealed unsafe class StridePhase
{
    private StridePhase(Axis y, Axis x, ConvolutionGeometry g, LaneKernels lanes, bool winograd)
    {
        (Y, X) = (y, x);
        Correlation = winograd
            ? new Winograd(lanes, y.Pixels, x.Pixels, g.K, g.C, g.R)
            : new Correlation(lanes, y.Pixels, x.Pixels, g.K, g.C, y.Taps, x.Taps, new RowsRead(y.First, 1, g.OutH));
    }

    public Axis Y { get; }

    public Axis X { get; }

    /// <summary>From K channels to C.</summary>
    public ICorrelation Correlation { get; }

    public static IEnumerable<StridePhase> Of(ConvolutionGeometry g, LaneKernels lanes, bool winograd) =>
        from y in Axis.Of(g.H, g.R, g.StrideY, g.PadTop)
        from x in Axis.Of(g.W, g.S, g.StrideX, g.PadLeft)
        select new StridePhase(y, x, g, lanes, winograd);

    /// <summary>packed = this phase's taps in reverse order, transposed to [Y.Taps, X.Taps, K, C].</summary>
    /// <param name="g">The shape.</param>
    /// <param name="filter">[R, S, C, K]</param>
    /// <param name="packed">[Correlation.PackedLength]</param>
    public void Pack(ConvolutionGeometry g, float* filter, float* packed)
    {
        for (int r = 0; r < Y.Taps; r++)
            for (int s = 0; s < X.Taps; s++)
            {
                nint tap = ((nint)Y.TapReversed(r) * g.S) + X.TapReversed(s);
                Correlation.PackTap((r * X.Taps) + s, filter + (tap * g.C * g.K), g.K, 1, packed);
            }
        Correlation.FinishPacking(packed);
    }

    /// <param name="g">The shape.</param>
    /// <param name="examples">How many.</param>
    /// <param name="dy">[OutH, OutW, K] of each example</param>
    /// <param name="packed">from <see cref="Pack"/></param>
    /// <param name="dx">[H, W, C] of each example, this phase's pixels overwritten</param>
    /// <param name="gate">[H, W, C] of each example, or none</param>
    /// <param name="scratch">[Correlation.ScratchLength]</param>
    /// <param name="ahead">What comes next, or null.</param>
    public void Run(ConvolutionGeometry g, int examples, PixelGrid dy, float* packed, PixelGrid dx, PixelGrid gate, float* scratch, Prefetcher? ahead) =>
        Correlation.Run(examples, dy.At(Y.First, X.First), dy.Row, packed, null, float.NegativeInfinity, Pixels(g, dx), Pixels(g, gate), scratch, ahead);

    private PixelGrid Pixels(ConvolutionGeometry g, PixelGrid map) =>
        map.IsNone ? map : new(map.At(Y.Start, X.Start).Origin, g.StrideY * map.Row, g.StrideX * map.Pixel, map.Example);

    /// <summary>A phase along one axis.</summary>
    /// <param name="Start">The first pixel of dx; the others follow a stride apart.</param>
    /// <param name="Pixels">How many.</param>
    /// <param name="Tap">The first tap of the filter; the others follow a stride apart.</param>
    /// <param name="Taps">How many; none where the stride is larger than the filter.</param>
    /// <param name="Stride">The stride.</param>
    /// <param name="First">The first pixel of dy that the first pixel of dx takes, in or out of the image.</param>
    internal readonly record struct Axis(int Start, int Pixels, int Tap, int Taps, int Stride, int First)
    {
        /// <summary>The last pixel of dy that the last pixel of dx takes.</summary>
        public int Last => First + Pixels - 1 + Math.Max(Taps - 1, 0);

        public int TapReversed(int t) => Tap + ((Taps - 1 - t) * Stride);

        public static IEnumerable<Axis> Of(int size, int filter, int stride, int pad)
        {
            for (int start = 0; start < Math.Min(stride, size); start++)
            {
                int tap = (start + pad) % stride;
                int taps = Math.Max((filter - tap + stride - 1) / stride, 0);
                int first = ((start + pad) / stride) - Math.Max(taps - 1, 0);
                yield return new Axis(start, (size - start + stride - 1) / stride, tap, taps, stride, first);
            }
        }
    }
}
