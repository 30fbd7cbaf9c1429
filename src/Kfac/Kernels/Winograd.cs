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
    private readonly int _rows, _columns, _channelsIn, _channelsOut, _taps, _tile, _across;
    private readonly Split _chunks;
    private readonly Panel[] _panels;

    /// <summary>[panel, rows - 1]</summary>
    private readonly delegate*<TileArguments*, void>[] _tiles;

    public Winograd(LaneKernels lanes, int rows, int columns, int channelsIn, int channelsOut, int taps)
    {
        _lanes = lanes;
        (_rows, _columns, _channelsIn, _channelsOut) = (rows, columns, channelsIn, channelsOut);
        (_taps, _tile) = (taps, TileOf(taps));
        _across = (columns + _tile - 1) / _tile;
        int tiles = _across * ((rows + _tile - 1) / _tile);
        _chunks = Split.AtMost(tiles, Math.Max(FloatsOfTransforms / (Slots * (channelsIn + channelsOut)), 1));
        _panels = Panel.Split(channelsOut, lanes.Width);
        SlotLength = SlotStride(channelsIn * (_panels[^1].Start + _panels[^1].Width));
        _tiles = new delegate*<TileArguments*, void>[_panels.Length * lanes.TileRows];
        for (int p = 0; p < _panels.Length; p++)
            for (int count = 1; count <= lanes.TileRows; count++)
                _tiles[(p * lanes.TileRows) + count - 1] = lanes.Tile<Copy>(count, _panels[p]);
    }

    public int PackedLength => Slots * SlotLength;

    public int ScratchLength => Slots * (SlotStride(_chunks.Size(0) * _channelsIn) + SlotStride(_chunks.Size(0) * _channelsOut));

    public int OverhangRows => ((_rows + _tile - 1) / _tile * _tile) - _rows;

    public int OverhangColumns => (_across * _tile) - _columns;

    private int SlotLength { get; }

    /// <summary>Whether it can do a convolution, and does it faster than the definition.</summary>
    public static bool Suits(ConvolutionGeometry g) =>
        g is { R: 3 or 5, StrideY: 1, StrideX: 1, C: >= 16, K: >= 16, Locations: >= 64 } && g.R == g.S;

    /// <summary>Pixels of a tile of y along a side.</summary>
    public static int TileOf(int taps) => Side + 1 - taps;

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

    public void Run(PixelGrid x, nint group, float* packed, float* bias, float floor, PixelGrid y, PixelGrid gate, float* scratch)
    {
        Debug.Assert(group == x.Row);
        for (int chunk = 0; chunk < _chunks.Pieces; chunk++)
        {
            (int first, int count) = (_chunks.Start(chunk), _chunks.Size(chunk));
            nint slotIn = SlotStride(count * _channelsIn), slotOut = SlotStride(count * _channelsOut);
            float* v = scratch, m = scratch + (Slots * slotIn);
            for (int tile = 0, run; tile < count; tile += run)
            {
                run = Math.Min(count - tile, _across - ((first + tile) % _across));
                _lanes.WinogradInput(At(x, first + tile), run, _tile, _channelsIn, v + ((nint)tile * _channelsIn), slotIn);
            }
            Multiply(v, slotIn, packed, m, slotOut, count, RowsAhead(y, first, count));
            for (int tile = 0; tile < count; tile++)
            {
                (int i, int j) = Math.DivRem(first + tile, _across);
                _lanes.WinogradOutput(m + ((nint)tile * _channelsOut), slotOut, _channelsOut, bias, floor, At(y, first + tile),
                    gate.Origin == null ? default : At(gate, first + tile), Math.Min(_rows - (i * _tile), _tile), Math.Min(_columns - (j * _tile), _tile), _taps);
            }
        }
    }

    /// <summary>m[slot] = v[slot] u[slot], while the rows that will be written come nearer.</summary>
    private void Multiply(float* v, nint slotIn, float* u, float* m, nint slotOut, int count, Prefetch ahead)
    {
        int tileRows = _lanes.TileRows;
        nint* offsets = stackalloc nint[2 * tileRows];
        for (int i = 0; i < tileRows; i++)
            (offsets[i], offsets[tileRows + i]) = ((nint)i * _channelsIn, (nint)i * _channelsOut);
        TileArguments t = new()
        {
            AStep = 1,
            Groups = 1,
            Length = _channelsIn,
            AOffsets = offsets,
            COffsets = offsets + tileRows,
        };
        Split rows = Split.AtMost(count, tileRows);
        for (int slot = 0; slot < Slots; slot++)
            for (int p = 0; p < _panels.Length; p++)
            {
                ahead.Next();
                Panel panel = _panels[p];
                t.B = u + ((nint)slot * SlotLength) + ((nint)panel.Start * _channelsIn);
                t.BStep = panel.Width;
                t.Columns = panel.Columns;
                t.A = v + (slot * slotIn);
                t.C = m + (slot * slotOut) + panel.Start;
                RunTiles(&t, p, rows.Size(0), rows.Pieces - rows.Smaller);
                RunTiles(&t, p, rows.Size(0) - 1, rows.Smaller);
            }
    }

    private void RunTiles(TileArguments* t, int panel, int rows, int repeats)
    {
        if (repeats == 0)
            return;
        (t->Repeats, t->ANext, t->CNext) = (repeats, (nint)rows * _channelsIn, (nint)rows * _channelsOut);
        _tiles[(panel * _lanes.TileRows) + rows - 1](t);
    }

    /// <summary>The rows of pixels that some tiles lie in.</summary>
    private Prefetch RowsAhead(PixelGrid y, int first, int count)
    {
        int top = first / _across * _tile, bottom = Math.Min((((first + count - 1) / _across) + 1) * _tile, _rows);
        return new Prefetch(y.Origin + (top * y.Row), (bottom - top) * y.Row, Slots * _panels.Length);
    }

    private PixelGrid At(PixelGrid grid, int tile)
    {
        (int i, int j) = Math.DivRem(tile, _across);
        return new PixelGrid(grid.Origin + (i * _tile * grid.Row) + (j * _tile * grid.Pixel), grid.Row, grid.Pixel);
    }
}

/// <summary>Rows and columns of a filter, as a type.</summary>
internal interface ITaps
{
    static abstract int Count { get; }
}

internal readonly struct Taps3 : ITaps { public static int Count => 3; }

internal readonly struct Taps5 : ITaps { public static int Count => 5; }
