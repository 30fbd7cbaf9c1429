namespace Kfac.Kernels;

/// <summary>
/// The sums of a 3 x 3 or 5 x 5 filter at stride 1 by the transpose of <see cref="Winograd"/>'s algorithm:
/// T = G^T [sum over tiles of (B^T x B) * (A dy A^T)] G of each example, then gradient += T and squares += T * T.
/// </summary>
/// <remarks>
/// All tiles of an example are transformed, [36, tiles, C] and [36, tiles, K]; then 36 matrix products over the tiles, and the
/// transform back, for a block of input and output channels at a time: large enough that the operands of a product, once in the
/// first-level cache, meet several micro-tiles. T is linear in the sums over tiles: where no squares are wanted, these go over the
/// tiles of several examples, and what it costs to write the sums and to transform them back is shared among these.
/// </remarks>
internal sealed unsafe class WinogradFilterGradient : IFilterGradient
{
    private const int FloatsOfBlock = 96 * 1024, ColumnsOfBlock = 128;

    /// <summary>Of the transforms of one example, and of several.</summary>
    private const int MaxFloatsOfExample = 1024 * 1024, MaxFloatsOfExamples = 640 * 1024;

    /// <summary>Tiles that share the cost of writing their sums.</summary>
    private const int TilesWanted = 64;

    /// <summary>With fewer locations the definition is faster for an example alone, whose square is wanted.</summary>
    private const int MinLocationsForSquares = 64;

    private readonly LaneKernels _lanes;
    private readonly ConvolutionGeometry _g;
    private readonly WinogradTiles _tiles;
    private readonly int _examples, _blockWidth;

    /// <summary>Input channels as rows of micro-tiles, and these as blocks.</summary>
    private readonly EvenSplit _rows, _rowBlocks;

    /// <summary>Output channels; m[slot] = some channels of v[slot]^T w[slot].</summary>
    private readonly Winograd.Block[] _columnBlocks;

    public WinogradFilterGradient(LaneKernels lanes, ConvolutionGeometry geometry)
    {
        (_lanes, _g) = (lanes, geometry);
        _tiles = new WinogradTiles(_g.OutH, _g.OutW, _g.R);
        _examples = Winograd.ExamplesFor(_tiles.Count, Math.Min(MaxFloatsOfExamples / (Winograd.Slots * (_g.C + _g.K)), TilesWanted));
        _columnBlocks = Winograd.Block.Split(lanes, Panel.Split(_g.K, lanes.Width), ColumnsOfBlock, aRow: 1, aTerm: _g.C, bTerm: _g.K);
        _blockWidth = lanes.RoundUp(_columnBlocks.Max(block => block.Columns));
        _rows = EvenSplit.AtMost(_g.C, lanes.TileRows);
        _rowBlocks = EvenSplit.AtMost(_rows.Chunks, Math.Max(FloatsOfBlock / (Winograd.Slots * _rows.Size(0) * _blockWidth), 1));
    }

    /// <summary>Whether it can add up gradients, and does it faster than the definition.</summary>
    public static bool Suits(ConvolutionGeometry g) =>
        Winograd.Suits(g) && (long)Winograd.Slots * new WinogradTiles(g.OutH, g.OutW, g.R).Count * (g.C + g.K) <= MaxFloatsOfExample;

    /// <summary>The same for their squares.</summary>
    public static bool SuitsSquares(ConvolutionGeometry g) => Suits(g) && g.Locations >= MinLocationsForSquares;

    public int ScratchLength => checked(TransformsLength + (Winograd.Slots * SlotBlock));

    private int TransformsLength => Winograd.Slots * (SlotOf(_examples, _g.C) + SlotOf(_examples, _g.K));

    private int SlotBlock => Winograd.SlotStride(_rowBlocks.Size(0) * _rows.Size(0) * _blockWidth);

    public void Run(ImageBatch x, ImageBatch dy, FilterGradientTarget sums, float* scratch, Prefetcher? ahead)
    {
        PixelGrid pixels = x.Pixels(_g.C), gradients = dy.Pixels(_g.K);
        int together = sums.Squares == null ? _examples : 1;
        for (int first = 0; first < x.Count; first += together)
        {
            WinogradTiles tiles = new(_g.OutH, _g.OutW, _g.R, Math.Min(together, x.Count - first));
            nint slotX = SlotOf(tiles.Examples, _g.C), slotDy = SlotOf(tiles.Examples, _g.K);
            float* v = scratch, w = scratch + (Winograd.Slots * slotX), m = scratch + TransformsLength;
            for (int n = 0; n < tiles.Examples; n++)
            {
                if (sums.BiasGradient != null || sums.BiasSquares != null)
                {
                    _lanes.SumPixels(dy[first + n], _g.OutH, _g.OutW, _g.K, m);
                    _lanes.AddWithSquares(m, sums.BiasGradient, sums.BiasSquares, _g.K);
                }
                _lanes.WinogradInput(tiles.Of(n), pixels.From(first + n), .._g.C, _g.C, v, slotX);
                _lanes.WinogradOutputGradient(tiles.Of(n), gradients.From(first + n), _g.K, w, slotDy);
            }
            foreach (Winograd.Block columns in _columnBlocks)
                for (int block = 0; block < _rowBlocks.Chunks; block++)
                    Multiply(tiles, columns, block, v, slotX, w, slotDy, m, sums, ahead);
        }
    }

    private int SlotOf(int examples, int channels) => Winograd.SlotStride(examples * _tiles.Count * channels);

    /// <summary>The products of a block, and back.</summary>
    private void Multiply(
        WinogradTiles tiles, Winograd.Block columns, int block, float* v, nint slotX, float* w, nint slotDy, float* m, FilterGradientTarget sums, Prefetcher? ahead)
    {
        nint slotBlock = SlotBlock;
        int chunk = _rowBlocks.Start(block), last = chunk + _rowBlocks.Size(block) - 1, first = _rows.Start(chunk);
        EvenSplit rows = new(_rows.Start(last) + _rows.Size(last) - first, last + 1 - chunk);
        for (int slot = 0; slot < Winograd.Slots; slot++)
            columns.Products.Run(rows, tiles.CountOf(slot), v + (slot * slotX) + first, w + (slot * slotDy) + columns.Start, m + (slot * slotBlock), ahead);
        nint at = ((nint)first * _g.K) + columns.Start;
        _lanes.WinogradFilterGradient(m, slotBlock, _lanes.RoundUp(columns.Columns), rows.Count, columns.Columns,
            sums.Gradient == null ? null : sums.Gradient + at, sums.Squares == null ? null : sums.Squares + at, (nint)_g.C * _g.K, _g.K, _g.R);
    }
}
