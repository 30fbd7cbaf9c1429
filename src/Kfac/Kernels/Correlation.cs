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
    private readonly RowsRead _read;
    private readonly int _channelsIn, _groups, _length;
    private readonly Panel[] _panels;

    /// <summary>The first of some equal panels, and how many of them a call takes.</summary>
    private readonly (Panel First, int Count)[] _calls;

    private readonly Split _rows, _columns;

    /// <summary>[call, whether the rectangle is a row less, whether it is a column less]</summary>
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
        (_lanes, _read, _channelsIn, _groups, _length) = (lanes, read, channelsIn, tapRows, tapColumns * channelsIn);
        _panels = Panel.Split(channelsOut, lanes.Width);
        PackedLength = lanes.RoundUp(channelsOut) * _groups * _length;
        _takesTurns = PackedLength <= FloatsOfTurns && columns >= lanes.TileRows;
        _calls = _takesTurns ? Panel.Kinds(channelsOut, lanes.Width) : [.. _panels.Select(panel => (panel, 1))];
        (_rows, _columns) = Rectangles(rows, columns, lanes.TileRows, _takesTurns ? 1 : rows);
        _tiles = Tiles<Overwrite>(lanes);
        _gatedTiles = Tiles<OverwriteGated>(lanes);
    }

    public int PackedLength { get; }

    public int ScratchLength => 0;

    public int OverhangRows => 0;

    public int OverhangColumns => 0;

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

    public void Run(PixelGrid x, nint group, float* packed, float* bias, float floor, PixelGrid y, PixelGrid gate, float* scratch, LookAhead? ahead)
    {
        int tileRows = _lanes.TileRows;
        nint* offsets = stackalloc nint[6 * tileRows];
        nint* xOffsets = offsets, yOffsets = offsets + (2 * tileRows), gateOffsets = offsets + (4 * tileRows);
        for (int less = 0; less < 2; less++)
        {
            int width = _columns.Size(0) - less;
            for (int q = 0; q < _rows.Size(0) * width; q++)
            {
                (int i, int j) = Math.DivRem(q, width);
                xOffsets[(less * tileRows) + q] = (i * x.Row) + (j * x.Pixel);
                yOffsets[(less * tileRows) + q] = (i * y.Row) + (j * y.Pixel);
                gateOffsets[(less * tileRows) + q] = (i * gate.Row) + (j * gate.Pixel);
            }
        }

        TileArguments t = new()
        {
            AStep = 1,
            AGroup = group,
            Length = _length,
            Floor = floor,
        };
        delegate*<TileArguments*, void>[] tiles = gate.Origin == null ? _tiles : _gatedTiles;
        (int runs, int rowsOfRun) = _takesTurns ? (_rows.Pieces, 1) : (1, _rows.Pieces);
        for (int run = 0; run < runs; run++)
            for (int p = 0; p < _calls.Length; p++)
            {
                (Panel panel, t.Panels) = _calls[p];
                float* panelOfFilter = packed + ((nint)panel.Start * _groups * _length);
                t.BStep = panel.Width;
                t.BGroup = (nint)panel.Width * _length;
                t.BNext = t.BGroup * _groups;
                t.Columns = panel.Columns;
                t.Initial = bias == null ? null : bias + panel.Start;
                for (int r = run * rowsOfRun; r < (run + 1) * rowsOfRun; r++)
                {
                    nint i = _rows.Start(r);
                    int rowLess = _rows.Size(0) - _rows.Size(r);
                    (int firstGroup, int endGroup) = _read.TapsOf(_rows.Start(r), _rows.Size(r), _groups);
                    t.Groups = endGroup - firstGroup;
                    t.B = panelOfFilter + (firstGroup * t.BGroup);
                    for (int columnLess = 0; columnLess < 2; columnLess++)
                    {
                        t.Repeats = columnLess == 0 ? _columns.Pieces - _columns.Smaller : _columns.Smaller;
                        if (t.Repeats == 0)
                            continue;
                        nint j = columnLess == 0 ? 0 : _columns.Start(_columns.Pieces - _columns.Smaller), width = _columns.Size(0) - columnLess;
                        t.A = x.Origin + (i * x.Row) + (j * x.Pixel) + (firstGroup * group);
                        t.ANext = width * x.Pixel;
                        t.AOffsets = xOffsets + (columnLess * tileRows);
                        t.C = y.Origin + (i * y.Row) + (j * y.Pixel) + panel.Start;
                        t.CNext = width * y.Pixel;
                        t.COffsets = yOffsets + (columnLess * tileRows);
                        t.Gate = gate.Origin + (i * gate.Row) + (j * gate.Pixel) + panel.Start;
                        t.GateOffsets = gateOffsets + (columnLess * tileRows);
                        tiles[(p * 4) + (rowLess * 2) + columnLess](&t);
                    }
                }
            }
    }

    /// <summary>
    /// The cut into rectangles of at most <paramref name="largest"/> pixels and <paramref name="tallest"/> rows that costs
    /// least, where a term of a tile costs one for each row and one for the loads of the panel.
    /// </summary>
    private static (Split Rows, Split Columns) Rectangles(int rows, int columns, int largest, int tallest)
    {
        (Split, Split) best = default;
        int least = int.MaxValue;
        for (int height = 1; height <= Math.Min(largest, tallest); height++)
        {
            Split down = Split.AtMost(rows, height), across = Split.AtMost(columns, Math.Min(largest / height, columns));
            int cost = (rows * columns) + (down.Pieces * across.Pieces);
            if (cost < least)
                (best, least) = ((down, across), cost);
        }
        return best;
    }

    private delegate*<TileArguments*, void>[] Tiles<TEpilogue>(LaneKernels lanes)
        where TEpilogue : struct, ITileEpilogue
    {
        var tiles = new delegate*<TileArguments*, void>[_calls.Length * 4];
        for (int p = 0; p < _calls.Length; p++)
            for (int rowLess = 0; rowLess < 2; rowLess++)
                for (int columnLess = 0; columnLess < 2; columnLess++)
                {
                    int pixels = (_rows.Size(0) - rowLess) * (_columns.Size(0) - columnLess);
                    if (pixels > 0)
                        tiles[(p * 4) + (rowLess * 2) + columnLess] = lanes.Tile<TEpilogue>(pixels, _calls[p].First);
                }
        return tiles;
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
