using System.Diagnostics;

namespace Kfac.Kernels;

/// <summary>
/// y[i, j, k] = bias[k] + sum over g, l of x[i, j][g * group + l] * filter[g, l, k]: a patch is Groups runs of Length
/// contiguous floats, and is read in place. The forward pass of a convolution is one of these with a run for each row of the
/// filter, and so is its backward-data pass, for each phase of the stride.
/// </summary>
/// <remarks>
/// A micro-tile takes a rectangle of pixels and a panel of channels. A panel goes round the image before the next one,
/// so that its part of the filter stays in the cache, unless all of the filter does.
/// </remarks>
internal sealed unsafe class Correlation : ICorrelation
{
    private const int FloatsOfTurns = 4 * 1024;

    /// <summary>
    /// Whether panels take turns at each row of y, which is then written line after line: where they fit the first-level cache
    /// together, and a row is long enough for a tile.
    /// </summary>
    private readonly bool _takesTurns;

    private readonly LaneKernels _lanes;
    private readonly int _channelsIn, _groups, _length;
    private readonly Panel[] _panels;

    /// <summary>The first of some equal panels, and how many of them a call takes.</summary>
    private readonly (Panel First, int Count)[] _calls;

    /// <summary>Rows of rectangles: a row of y, the rows of a rectangle, and the rows of the filter that see a row of x there.</summary>
    private readonly (int Row, int Height, int FirstTap, int EndTap)[] _strips;

    /// <summary>The equal rectangles in a strip: a column of y, the columns of a rectangle, and how many.</summary>
    private readonly (int Column, int Width, int Count)[] _across;

    /// <summary>Rows of the tallest rectangles.</summary>
    private readonly int _tallest;

    /// <summary>[call, rectangles of <see cref="_across"/>, whether they are a row less]</summary>
    private readonly delegate*<TileArguments*, void>[] _tiles, _gatedTiles;

    /// <param name="lanes">The instruction set.</param>
    /// <param name="rows">Rows of y.</param>
    /// <param name="columns">Columns of y.</param>
    /// <param name="channelsIn">Channels of x.</param>
    /// <param name="channelsOut">Channels of y.</param>
    /// <param name="tapRows">Rows of the filter.</param>
    /// <param name="tapColumns">Columns of the filter.</param>
    /// <param name="read">Which rows of x the patches see.</param>
    public Correlation(LaneKernels lanes, int rows, int columns, int channelsIn, int channelsOut, int tapRows, int tapColumns, RowsRead read)
    {
        Debug.Assert(rows > 0 && columns > 0 && channelsIn > 0 && channelsOut > 0);
        (_lanes, _channelsIn, _groups, _length) = (lanes, channelsIn, tapRows, tapColumns * channelsIn);
        _panels = Panel.Split(channelsOut, lanes.Width);
        PackedLength = checked(lanes.RoundUp(channelsOut) * _groups * _length);
        _takesTurns = PackedLength <= FloatsOfTurns && columns >= lanes.TileRows;
        _calls = _takesTurns ? Panel.EqualPanels(channelsOut, lanes.Width) : [.. _panels.Select(panel => (panel, 1))];
        (EvenSplit down, EvenSplit across) = Rectangles(rows, columns, lanes.TileRows, _takesTurns ? 1 : rows);
        _strips = new (int, int, int, int)[down.Chunks];
        for (int r = 0; r < _strips.Length; r++)
        {
            (int first, int end) = read.TapsOf(down.Start(r), down.Size(r), _groups);
            _strips[r] = (down.Start(r), down.Size(r), first, end);
        }
        (_tallest, int wider) = (down.Largest, across.Chunks - across.Smaller);
        _across = across.Smaller == 0
            ? [(0, across.Largest, wider)]
            : [(0, across.Largest, wider), (across.Start(wider), across.Largest - 1, across.Smaller)];
        _tiles = Tiles<StoreClamped>(lanes);
        _gatedTiles = Tiles<StoreMasked>(lanes);
    }

    public int PackedLength { get; }

    public int ScratchLength => 0;

    public int OverhangRows => 0;

    public int OverhangColumns => 0;

    public int PreferredExamples => 1;

    public void PackTap(int tap, float* filter, nint channelOut, nint channelIn, float* packed)
    {
        foreach (Panel panel in _panels)
        {
            float* to = packed + ((nint)panel.Start * _groups * _length) + ((nint)tap * _channelsIn * panel.Width);
            _lanes.Pack(filter + (panel.Start * channelOut), channelOut, channelIn, panel.Columns, _channelsIn, panel.Width, square: false, to);
        }
    }

    public void FinishPacking(float* packed)
    {
    }

    public void Run(int examples, PixelGrid x, nint group, float* packed, float* bias, float floor, PixelGrid y, PixelGrid gate, float* scratch, Prefetcher? ahead)
    {
        for (int n = 0; n < examples; n++)
            Run(x.From(n), group, packed, bias, floor, y.From(n), gate.From(n), ahead);
    }

    private void Run(PixelGrid x, nint group, float* packed, float* bias, float floor, PixelGrid y, PixelGrid gate, Prefetcher? ahead)
    {
        int tileRows = _lanes.TileRows;
        nint* offsets = stackalloc nint[6 * tileRows];
        nint* xOffsets = offsets, yOffsets = offsets + (2 * tileRows), gateOffsets = offsets + (4 * tileRows);
        for (int kind = 0; kind < _across.Length; kind++)
            for (int i = 0, q = kind * tileRows; i < _tallest; i++)
                for (int j = 0; j < _across[kind].Width; j++, q++)
                {
                    xOffsets[q] = (i * x.Row) + (j * x.Pixel);
                    yOffsets[q] = (i * y.Row) + (j * y.Pixel);
                    gateOffsets[q] = (i * gate.Row) + (j * gate.Pixel);
                }

        int kinds = _across.Length, together = _takesTurns ? _calls.Length : 1;
        TileArguments* calls = stackalloc TileArguments[together * kinds];
        Strip* firstStrips = stackalloc Strip[together * kinds];
        delegate*<TileArguments*, void>[] tiles = gate.IsNone ? _tiles : _gatedTiles;
        for (int firstCall = 0; firstCall < _calls.Length; firstCall += together)
        {
            for (int p = 0; p < together * kinds; p++)
            {
                (int call, int kind) = (firstCall + (p / kinds), p % kinds);
                (Panel panel, int panels) = _calls[call];
                (nint j, nint width, nint repeats) = _across[kind];
                firstStrips[p] = new Strip
                {
                    X = x.Origin + (j * x.Pixel),
                    Filter = packed + ((nint)panel.Start * _groups * _length),
                    Y = y.Origin + (j * y.Pixel) + panel.Start,
                    Gate = gate.Origin + (j * gate.Pixel) + panel.Start,
                };
                calls[p] = new TileArguments
                {
                    AStep = 1,
                    AGroup = group,
                    AOffsets = xOffsets + (kind * tileRows),
                    ANext = width * x.Pixel,
                    BStep = panel.Width,
                    BGroup = (nint)panel.Width * _length,
                    BNext = (nint)panel.Width * _length * _groups,
                    COffsets = yOffsets + (kind * tileRows),
                    CNext = width * y.Pixel,
                    Columns = panel.Columns,
                    Floor = floor,
                    GateOffsets = gateOffsets + (kind * tileRows),
                    Initial = bias == null ? null : bias + panel.Start,
                    Length = _length,
                    Panels = panels,
                    Repeats = repeats,
                };
            }
            foreach ((nint i, int height, int firstTap, int endTap) in _strips)
                for (int p = 0; p < together * kinds; p++)
                {
                    // Written field by field: the tile would have to wait for a copy of it all.
                    TileArguments* t = calls + p;
                    t->A = firstStrips[p].X + (i * x.Row) + (firstTap * group);
                    t->B = firstStrips[p].Filter + (firstTap * t->BGroup);
                    t->C = firstStrips[p].Y + (i * y.Row);
                    t->Gate = firstStrips[p].Gate + (i * gate.Row);
                    t->Groups = endTap - firstTap;
                    ahead?.SpreadOver(ref *t, t->Groups * t->Repeats * t->Panels);
                    tiles[(((firstCall * kinds) + p) * 2) + _tallest - height](t);
                }
        }
    }

    /// <summary>
    /// The cut into rectangles of at most <paramref name="largest"/> pixels and <paramref name="tallest"/> rows that costs
    /// least, where a term of a tile costs one for each row and one for the loads of the panel.
    /// </summary>
    private static (EvenSplit Rows, EvenSplit Columns) Rectangles(int rows, int columns, int largest, int tallest)
    {
        (EvenSplit, EvenSplit) best = default;
        int least = int.MaxValue;
        for (int height = 1; height <= Math.Min(largest, tallest); height++)
        {
            EvenSplit down = EvenSplit.AtMost(rows, height), across = EvenSplit.AtMost(columns, Math.Min(largest / height, columns));
            int cost = (rows * columns) + (down.Chunks * across.Chunks);
            if (cost < least)
                (best, least) = ((down, across), cost);
        }
        return best;
    }

    private delegate*<TileArguments*, void>[] Tiles<TEpilogue>(LaneKernels lanes)
        where TEpilogue : struct, ITileEpilogue
    {
        var tiles = new delegate*<TileArguments*, void>[_calls.Length * _across.Length * 2];
        for (int p = 0; p < _calls.Length * _across.Length; p++)
            for (int less = 0; less < Math.Min(2, _tallest); less++)
                tiles[(p * 2) + less] = lanes.Tile<TEpilogue>((_tallest - less) * _across[p % _across.Length].Width, _calls[p / _across.Length].First);
        return tiles;
    }

    /// <summary>Where a call's first strip would be, with all rows of the filter.</summary>
    private struct Strip
    {
        public float* X, Filter, Y, Gate;
    }
}

/// <summary>Row r of the patch of a pixel in row i of y is row First + i * Step + r of x, of which there are Count; the others hold zeros.</summary>
internal readonly record struct RowsRead(int First, int Step, int Count)
{
    /// <summary>Rows of the filter that meet a row of x anywhere in <paramref name="rows"/> rows of y; the others contribute nothing.</summary>
    /// <param name="row">The first of the rows of y.</param>
    /// <param name="rows">How many.</param>
    /// <param name="taps">Rows of the filter.</param>
    public (int First, int End) TapsOf(int row, int rows, int taps)
    {
        int end = Math.Clamp(Count - First - (row * Step), 0, taps);
        return (Math.Clamp(-First - ((row + rows - 1) * Step), 0, end), end);
    }

    /// <summary>Rows of y that meet a row of x with any of some rows of the filter.</summary>
    /// <param name="firstTap">The first of the rows of the filter.</param>
    /// <param name="lastTap">The last.</param>
    /// <param name="rows">Rows of y.</param>
    public (int First, int End) RowsOf(int firstTap, int lastTap, int rows)
    {
        int end = Math.Clamp((Count - First - firstTap + Step - 1) / Step, 0, rows);
        return (Math.Clamp((-First - lastTap + Step - 1) / Step, 0, end), end);
    }
}
