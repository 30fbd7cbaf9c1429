using System.Diagnostics;

namespace Kfac.Kernels;

/// <summary>
/// For each example, T[p, k] = sum over locations of patch[location, p] * dy[location, k], then gradient += T and
/// squares += T * T. A micro-tile takes some positions p of the patch and a panel of channels k over all locations:
/// T is never in memory, and an example's square costs no more than a second addition. The bias is a position whose
/// patch is 1, of one of the tiles.
/// </summary>
internal sealed unsafe class FilterReduction : IFilterReduction
{
    private readonly LaneKernels _lanes;
    private readonly ConvolutionGeometry _g;
    private readonly Panel[] _panels;

    private readonly Piece[] _pieces;

    /// <summary>[panel, piece]</summary>
    private readonly delegate*<TileArguments*, void>[] _gradient, _squares, _both;

    public FilterReduction(LaneKernels lanes, ConvolutionGeometry geometry)
    {
        (_lanes, _g) = (lanes, geometry);
        _panels = Panel.Split(geometry.K, lanes.Width);
        bool tapered = _g is { C: 1, S: 5, StrideX: 1, PadLeft: 2, PadRight: 2, OutW: >= 4 };
        Piece[][] cuts = [Pieces(Split.AtMost(_g.PatchLength, lanes.TileRows), tapered: false), Pieces(new Split(_g.PatchLength, _g.R), tapered)];
        _pieces = cuts.Where(pieces => pieces[0].Count <= lanes.TileRows).MinBy(Cost)!;
        _gradient = Tiles<AddTo>();
        _squares = Tiles<AddSquare>();
        _both = Tiles<AddToWithSquare>();
    }

    public int ScratchLength => 2 * _lanes.Width;

    public void Run(ImagePlane x, nint xStep, ImagePlane dy, nint dyStep, int examples, FilterSums sums, float* scratch, LookAhead? ahead)
    {
        delegate*<TileArguments*, void>[] tiles = sums.Squares == null ? _gradient : sums.Gradient == null ? _squares : _both;
        int largest = _pieces[0].Count;
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
            SumsOfB = scratch,
        };
        for (int p = 0; p < _panels.Length; p++)
        {
            Panel panel = _panels[p];
            t.Columns = panel.Columns;
            for (int piece = 0; piece < _pieces.Length; piece++)
            {
                (int first, int count, int firstRow, int endRow, bool withBias, _) = _pieces[piece];
                t.Groups = endRow - firstRow;
                nint start = PlaceTile(first, count, x.RowStride, xOffsets) + (firstRow * t.AGroup), at = ((nint)first * _g.K) + panel.Start;
                t.C = sums.Gradient + at;
                t.Squares = sums.Squares + at;
                delegate*<TileArguments*, void> tile = tiles[(p * _pieces.Length) + piece];
                for (int example = 0; example < examples; example++)
                {
                    t.A = x.Origin + (example * xStep) + start;
                    t.B = dy.Origin + (example * dyStep) + panel.Start + (firstRow * t.BGroup);
                    ahead?.SpreadOver(ref t, t.Groups);
                    tile(&t);
                    if (withBias)
                        AddBias(sums, panel, scratch);
                }
            }
        }
    }

    private void AddBias(FilterSums sums, Panel panel, float* sumsOfDy) => _lanes.AddWithSquares(
        sumsOfDy, sums.BiasGradient == null ? null : sums.BiasGradient + panel.Start, sums.BiasSquares == null ? null : sums.BiasSquares + panel.Start, panel.Columns);

    /// <summary>The bias is with the piece in the middle: of an odd number, it meets no rows of padding anyway.</summary>
    private Piece[] Pieces(Split positions, bool tapered) => [.. Enumerable.Range(0, positions.Pieces).Select(piece =>
    {
        int row = _g.S * _g.C, start = positions.Start(piece), count = positions.Size(piece);
        bool withBias = piece == positions.Pieces / 2;
        (int first, int end) = withBias ? (0, _g.OutH) : _g.RowsRead.RowsOf(start / row, (start + count - 1) / row, _g.OutH);
        return new Piece(start, count, first, end, withBias, tapered);
    })];

    /// <summary>Four times the products of a channel of dy, and each piece's load of a pixel as a quarter of one.</summary>
    private int Cost(Piece[] pieces) => pieces.Sum(piece =>
        ((((4 * piece.Count) + 1) * _g.OutW) - (piece.Tapered ? 4 * Tapered5.LeftOut : 0)) * (piece.EndRow - piece.FirstRow));

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

    private delegate*<TileArguments*, void>[] Tiles<TEpilogue>()
        where TEpilogue : struct, ITileEpilogue
    {
        var tiles = new delegate*<TileArguments*, void>[_panels.Length * _pieces.Length];
        for (int i = 0; i < tiles.Length; i++)
        {
            (int panel, int piece) = Math.DivRem(i, _pieces.Length);
            tiles[i] = _lanes.Tile<TEpilogue>(_pieces[piece].Count, _panels[panel], _pieces[piece].WithBias, _pieces[piece].Tapered);
        }
        return tiles;
    }

    /// <summary>Positions of the patch that a tile takes.</summary>
    /// <param name="First">The first.</param>
    /// <param name="Count">How many.</param>
    /// <param name="FirstRow">The first row of dy that they multiply by anything but padding.</param>
    /// <param name="EndRow">The row after the last.</param>
    /// <param name="WithBias">Whether the bias is with them; the rows are all then.</param>
    /// <param name="Tapered">Whether they are a row of the filter that leaves columns of padding out; see <see cref="Tapered5"/>.</param>
    private readonly record struct Piece(int First, int Count, int FirstRow, int EndRow, bool WithBias, bool Tapered);
}
