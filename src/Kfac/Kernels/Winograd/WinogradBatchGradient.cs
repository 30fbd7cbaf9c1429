namespace Kfac.Kernels;

/// <summary>
/// The gradients of <see cref="WinogradFilterGradient"/> over a batch: since T is linear in the sums over tiles, these go over all
/// tiles of many examples, and are transformed back once: gradient = (1/N) G^T [sum over tiles of (B^T x B) * (A dy A^T)] G.
/// </summary>
/// <remarks>
/// Three phases for as many examples as the transforms have room for: the transforms, an example a unit; the products, a slot
/// a unit, whose operands fit the second-level cache; the transforms back, some input channels a unit, which are a part of the result.
/// </remarks>
internal sealed unsafe class WinogradBatchGradient : IBatchFilterGradient
{
    private const int FloatsOfTransforms = 16 * 1024 * 1024, PhasesOfGroup = 3, ChannelsOfUnit = 8;

    /// <summary>How many times as many floats a filter has as a tile's transforms share, at least.</summary>
    private const int FilterOverTransforms = 16;

    private readonly LaneKernels _lanes;
    private readonly ConvolutionGeometry _g;
    private readonly EvenSplit _channels;

    /// <summary>m[slot] = v[slot]^T w[slot]</summary>
    private readonly TileSweep _products;

    /// <summary>Examples whose transforms there is room for.</summary>
    private readonly int _together;

    public WinogradBatchGradient(LaneKernels lanes, ConvolutionGeometry geometry)
    {
        (_lanes, _g) = (lanes, geometry);
        _channels = EvenSplit.AtMost(_g.C, ChannelsOfUnit);
        _products = new TileSweep(lanes, _g.K, aRow: 1, aTerm: _g.C, bTerm: _g.K, cRow: Width);
        _together = Math.Max(FloatsOfTransforms / (Winograd.Slots * Tiles(1).Count * (_g.C + _g.K)), 1);
    }

    /// <summary>Whether the sums of slices would cost more than the transforms of all examples.</summary>
    public static bool Suits(ConvolutionGeometry g) =>
        Winograd.Suits(g) && !WinogradFilterGradient.SuitsSquares(g)
        && (long)FilterOverTransforms * new WinogradTiles(g.OutH, g.OutW, g.R).Count * (g.C + g.K) <= (long)g.C * g.K;

    public int ScratchLength(int examples)
    {
        int tiles = Tiles(Math.Min(examples, _together)).Count;
        return checked((Winograd.Slots * (Winograd.SlotStride(tiles * _g.C) + Winograd.SlotStride(tiles * _g.K) + SlotOfSums)) + Width);
    }

    public int Phases(int examples) => PhasesOfGroup * ((examples + _together - 1) / _together);

    public int Parts => _channels.Chunks;

    public int PartWithBias => Parts - 1;

    public int Blocks => _g.R * _g.S;

    public int StartOf(int part) => _channels.Start(part) * _g.K;

    public Range ChannelsOf(Range parts) => _channels.Start(parts.Start.Value).._channels.Start(parts.End.Value);

    public int Units(int phase, int examples, Range parts) => (phase % PhasesOfGroup) switch
    {
        0 => Math.Min(_together, examples),
        1 => Winograd.Slots,
        _ => parts.End.Value - parts.Start.Value + 1,
    };

    public void Run(int phase, int unit, Range parts, ImageBatch x, ImageBatch dy, FilterGradientTarget means, float* scratch)
    {
        int first = phase / PhasesOfGroup * _together;
        WinogradTiles tiles = Tiles(Math.Min(_together, x.Count - first));
        nint slotX = Winograd.SlotStride(tiles.Count * _g.C), slotDy = Winograd.SlotStride(tiles.Count * _g.K);
        float* v = scratch, w = v + (Winograd.Slots * slotX), m = w + (Winograd.Slots * slotDy);
        switch (phase % PhasesOfGroup)
        {
            case 0 when unit < tiles.Examples:
                _lanes.WinogradInput(tiles.Of(unit), _g.FirstPatch(x).Pixels(_g.C).From(first + unit), ChannelsOf(parts), _g.C, v, slotX);
                _lanes.WinogradOutputGradient(tiles.Of(unit), dy.Pixels(_g.K).From(first + unit), _g.K, w, slotDy);
                break;
            case 1:
                (int channel, int channels) = ChannelsOf(parts).GetOffsetAndLength(_g.C);
                EvenSplit rows = EvenSplit.AtMost(channels, _lanes.TileRows);
                _products.Run(rows, tiles.CountOf(unit), v + (unit * slotX) + channel, w + (unit * slotDy), m + (unit * SlotOfSums) + ((nint)channel * Width), null);
                break;
            case 2 when unit < parts.End.Value - parts.Start.Value:
                TransformBack(parts.Start.Value + unit, m, means.Gradient, isFirst: first == 0, isLast: first + tiles.Examples == x.Count, x.Count);
                break;
            case 2 when means.BiasGradient != null && first == 0 && parts.End.Value == Parts:
                SumBias(dy, means.BiasGradient, m + (Winograd.Slots * SlotOfSums));
                break;
        }
    }

    private int Width => _lanes.RoundUp(_g.K);

    private int SlotOfSums => Winograd.SlotStride(_g.C * Width);

    private WinogradTiles Tiles(int examples) => new(_g.OutH, _g.OutW, _g.R, examples);

    /// <summary>Some input channels of all taps.</summary>
    private void TransformBack(int part, float* m, float* gradient, bool isFirst, bool isLast, int examples)
    {
        int channel = _channels.Start(part), channels = _channels.Size(part);
        nint tap = (nint)_g.C * _g.K;
        float* begin = gradient + ((nint)channel * _g.K);
        for (int t = 0; isFirst && t < _g.R * _g.S; t++)
            new Span<float>(begin + (t * tap), channels * _g.K).Clear();
        _lanes.WinogradFilterGradient(m + ((nint)channel * Width), SlotOfSums, Width, channels, _g.K, begin, null, tap, _g.K, _g.R);
        for (int t = 0; isLast && t < _g.R * _g.S; t++)
            _lanes.Scale(begin + (t * tap), channels * _g.K, 1f / examples);
    }

    private void SumBias(ImageBatch dy, float* gradient, float* sums)
    {
        new Span<float>(gradient, _g.K).Clear();
        for (int n = 0; n < dy.Count; n++)
        {
            _lanes.SumPixels(dy[n], _g.OutH, _g.OutW, _g.K, sums);
            _lanes.AddWithSquares(sums, gradient, null, _g.K);
        }
        _lanes.Scale(gradient, _g.K, 1f / dy.Count);
    }
}
