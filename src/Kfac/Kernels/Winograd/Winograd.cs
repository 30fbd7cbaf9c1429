using System.Diagnostics;

namespace Kfac.Kernels;

/// <summary>
/// The correlation with a 3 x 3 or 5 x 5 filter at stride 1 by Winograd's minimal filtering F(4 x 4, 3 x 3) or
/// F(2 x 2, 5 x 5) (Lavin and Gray 2016): y = A^T [sum over channels of (G g G^T) * (B^T d B)] A for each tile of y, from
/// 6 x 6 pixels d of x. 36 products where the definition has 144 or 100, for an error about twice as large.
/// </summary>
/// <remarks>
/// Some tiles at a time: their transforms [36, tiles, channels in], 36 matrix products with the transformed filter
/// [36, channels in, channels out], and the transform back, all within the second-level cache.
/// </remarks>
internal sealed unsafe class Winograd : ICorrelation
{
    /// <summary>Points beside 0 and infinity; these have less than half the error of 1 and 2.</summary>
    public const float P = 0.625f, Q = 1.5f;

    /// <summary>Pixels of a tile of x along a side, and its square.</summary>
    public const int Side = 6, Slots = Side * Side;

    private const int FloatsOfTransforms = 128 * 1024;

    private readonly LaneKernels _lanes;
    private readonly int _rows, _columns, _channelsIn, _channelsOut, _taps;
    private readonly WinogradTiles _all;
    private readonly Panel[] _panels;

    /// <summary>Tiles of a chunk: some rows of them, or a part of one.</summary>
    private readonly EvenSplit _down, _across;

    /// <summary>m[slot] = v[slot] u[slot]</summary>
    private readonly TileSweep _products;

    public Winograd(LaneKernels lanes, int rows, int columns, int channelsIn, int channelsOut, int taps)
    {
        _lanes = lanes;
        (_rows, _columns, _channelsIn, _channelsOut) = (rows, columns, channelsIn, channelsOut);
        _taps = taps;
        _all = new WinogradTiles(rows, columns, taps);
        int most = Math.Max(FloatsOfTransforms / (Slots * (channelsIn + channelsOut)), 1);
        _across = EvenSplit.AtMost(_all.Across, most);
        _down = EvenSplit.AtMost(_all.Down, Math.Max(most / _all.Across, 1));
        _panels = Panel.Split(channelsOut, lanes.Width);
        SlotLength = SlotStride(checked(channelsIn * lanes.RoundUp(channelsOut)));
        _products = new TileSweep(lanes, channelsOut, aRow: channelsIn, aTerm: 1, packed: true, cRow: channelsOut);
    }

    public int PackedLength => checked(Slots * SlotLength);

    public int ScratchLength => checked(Slots * (SlotStride(_down.Size(0) * _across.Size(0) * _channelsIn) + SlotStride(_down.Size(0) * _across.Size(0) * _channelsOut)));

    public int OverhangRows => (_all.Down * _all.Tile) - _rows;

    public int OverhangColumns => (_all.Across * _all.Tile) - _columns;

    private int SlotLength { get; }

    /// <summary>Whether it can do a convolution, and does it faster than the definition.</summary>
    public static bool Suits(ConvolutionGeometry g) =>
        g is { R: 3 or 5, StrideY: 1, StrideX: 1, C: >= 16, K: >= 16, Locations: >= 64 } && g.R == g.S;

    /// <summary>
    /// Floats from a slot to the next: an odd number of cache lines, or a transform's 36 lines would meet in a few sets of the
    /// first-level cache.
    /// </summary>
    public static int SlotStride(int floats) => (((floats + 15) / 16) | 1) * 16;

    public void PackTap(int tap, float* filter, nint channelOut, nint channelIn, float* packed)
    {
        foreach (Panel panel in _panels)
            _lanes.Pack(filter + (panel.Start * channelOut), channelOut, channelIn, panel.Columns, _channelsIn, panel.Width, square: false,
                packed + ((nint)(Slots - (_taps * _taps) + tap) * SlotLength) + ((nint)panel.Start * _channelsIn));
    }

    public void FinishPacking(float* packed) => _lanes.WinogradFilter(packed, SlotLength, _taps);

    public void Run(PixelGrid x, nint group, float* packed, float* bias, float floor, PixelGrid y, PixelGrid gate, float* scratch, Prefetcher? ahead)
    {
        Debug.Assert(group == x.Row);
        for (int down = 0; down < _down.Chunks; down++)
            for (int across = 0; across < _across.Chunks; across++)
            {
                int i = _down.Start(down) * _all.Tile, j = _across.Start(across) * _all.Tile;
                var tiles = new WinogradTiles(
                    Math.Min(_rows - i, _down.Size(down) * _all.Tile), Math.Min(_columns - j, _across.Size(across) * _all.Tile), _taps);
                nint slotIn = SlotStride(tiles.Count * _channelsIn), slotOut = SlotStride(tiles.Count * _channelsOut);
                float* v = scratch, m = scratch + (Slots * slotIn);
                _lanes.WinogradInput(tiles, x.At(i, j), _channelsIn, v, slotIn);
                EvenSplit rows = default;
                for (int slot = 0; slot < Slots; slot++)
                {
                    if (rows.Count != tiles.CountOf(slot))
                        rows = EvenSplit.AtMost(tiles.CountOf(slot), _lanes.TileRows);
                    _products.Run(rows, _channelsIn, v + (slot * slotIn), packed + ((nint)slot * SlotLength), m + (slot * slotOut), ahead);
                }
                _lanes.WinogradOutput(tiles, m, slotOut, _channelsOut, bias, floor, y.At(i, j), gate.At(i, j));
            }
    }
}

/// <summary>Rows and columns of a filter, as a type.</summary>
internal interface ITaps
{
    static abstract int Count { get; }
}

internal readonly struct Taps3 : ITaps { public static int Count => 3; }

internal readonly struct Taps5 : ITaps { public static int Count => 5; }

/// <summary>Points along a side of a tile, as a type.</summary>
internal interface IPoints
{
    static abstract int Count { get; }
}

internal readonly struct FourPoints : IPoints { public static int Count => WinogradTiles.NarrowSide; }

internal readonly struct SixPoints : IPoints { public static int Count => Winograd.Side; }
