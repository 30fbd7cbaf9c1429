using System.Diagnostics;

namespace Kfac.Kernels;

/// <summary>
/// For each example, T[p, k] = sum over locations of patch[location, p] * dy[location, k], then gradient += T and
/// squares += T * T. A micro-tile takes some positions p of the patch and a panel of channels k over all locations:
/// T is never in memory, and an example's square costs no more than a second addition.
/// </summary>
internal sealed unsafe class FilterReduction : IFilterReduction
{
    private readonly ConvolutionGeometry _g;
    private readonly Panel[] _panels;
    private readonly Split _positions;

    /// <summary>[panel, whether the tile is a row less]</summary>
    private readonly delegate*<TileArguments*, void>[] _gradient, _squares, _both;

    public FilterReduction(LaneKernels lanes, ConvolutionGeometry geometry)
    {
        _g = geometry;
        _panels = Panel.Split(geometry.K, lanes.Width);
        _positions = Split.AtMost(geometry.PatchLength, lanes.TileRows);
        _gradient = Tiles<AddTo>(lanes);
        _squares = Tiles<AddSquare>(lanes);
        _both = Tiles<AddToWithSquare>(lanes);
    }

    public int ScratchLength => 0;

    public void Run(ImagePlane x, nint xStep, ImagePlane dy, nint dyStep, int examples, float* gradient, float* squares, float* scratch, LookAhead? ahead)
    {
        delegate*<TileArguments*, void>[] tiles = squares == null ? _gradient : gradient == null ? _squares : _both;
        int largest = _positions.Size(0), row = _g.S * _g.C;
        nint* xOffsets = stackalloc nint[largest];
        nint* filterOffsets = stackalloc nint[largest];
        for (int i = 0; i < largest; i++)
            filterOffsets[i] = (nint)i * _g.K;

        TileArguments t = new()
        {
            AStep = _g.StrideX * _g.C,
            AGroup = _g.StrideY * x.RowStride,
            AOffsets = xOffsets,
            BStep = _g.K,
            BGroup = dy.RowStride,
            COffsets = filterOffsets,
            Length = _g.OutW,
        };
        for (int p = 0; p < _panels.Length; p++)
        {
            Panel panel = _panels[p];
            t.Columns = panel.Columns;
            for (int piece = 0; piece < _positions.Pieces; piece++)
            {
                int first = _positions.Start(piece), size = _positions.Size(piece);
                (int firstRow, int endRow) = _g.RowsRead.RowsOf(first / row, (first + size - 1) / row, _g.OutH);
                t.Groups = endRow - firstRow;
                nint start = PlaceTile(first, size, x.RowStride, xOffsets) + (firstRow * t.AGroup), at = ((nint)first * _g.K) + panel.Start;
                t.C = gradient + at;
                t.Squares = squares + at;
                delegate*<TileArguments*, void> tile = tiles[(p * 2) + largest - size];
                for (int example = 0; example < examples; example++)
                {
                    t.A = x.Origin + (example * xStep) + start;
                    t.B = dy.Origin + (example * dyStep) + panel.Start + (firstRow * t.BGroup);
                    tile(&t);
                }
            }
        }
    }

    /// <summary>offsets[i] = where position first + i of a patch is, from position first.</summary>
    /// <returns>Where position first is, from the beginning of the patch.</returns>
    private nint PlaceTile(int first, int count, nint rowStride, nint* offsets)
    {
        (nint r, nint within) = Math.DivRem((nint)first, _g.S * _g.C);
        nint start = (r * rowStride) + within;
        for (int i = 0; i < count; i++)
        {
            offsets[i] = (r * rowStride) + within - start;
            if (++within == _g.S * _g.C)
                (r, within) = (r + 1, 0);
        }
        Debug.Assert(offsets[0] == 0);
        return start;
    }

    private delegate*<TileArguments*, void>[] Tiles<TEpilogue>(LaneKernels lanes)
        where TEpilogue : struct, ITileEpilogue
    {
        var tiles = new delegate*<TileArguments*, void>[_panels.Length * 2];
        for (int p = 0; p < _panels.Length; p++)
            for (int less = 0; less < 2 && less < _positions.Size(0); less++)
                tiles[(p * 2) + less] = lanes.Tile<TEpilogue>(_positions.Size(0) - less, _panels[p]);
        return tiles;
    }
}
