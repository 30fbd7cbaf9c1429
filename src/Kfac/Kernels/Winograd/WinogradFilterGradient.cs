namespace Kfac.Kernels;

/// <summary>
/// The sums of a 3 x 3 or 5 x 5 filter at stride 1 by the transpose of <see cref="Winograd"/>'s algorithm:
/// T = G^T [sum over tiles of (B^T x B) * (A dy A^T)] G of each example, then gradient += T and squares += T * T.
/// </summary>
/// <remarks>
/// All tiles of an example are transformed, [36, tiles, C] and [36, tiles, K]; then 36 matrix products over the tiles, and the
/// transform back, for a block of input channels at a time: large enough that the operands of a product, once in the
/// first-level cache, meet several micro-tiles.
/// </remarks>
internal sealed unsafe class WinogradFilterGradient : IFilterGradient
{
    private const int FloatsOfBlock = 96 * 1024, FloatsOfTransformsAtMost = 1024 * 1024;

    private readonly LaneKernels _lanes;
    private readonly ConvolutionGeometry _g;
    private readonly WinogradTiles _tiles;
    private readonly EvenSplit _rows, _blocks;

    /// <summary>m[slot] = some channels of v[slot]^T w[slot]</summary>
    private readonly TileSweep _products;

    public WinogradFilterGradient(LaneKernels lanes, ConvolutionGeometry geometry)
    {
        (_lanes, _g) = (lanes, geometry);
        _tiles = new WinogradTiles(_g.OutH, _g.OutW, _g.R);
        _rows = EvenSplit.AtMost(_g.C, lanes.TileRows);
        _blocks = EvenSplit.AtMost(_rows.Chunks, Math.Max(FloatsOfBlock / (Winograd.Slots * _rows.Size(0) * BlockWidth), 1));
        _products = new TileSweep(lanes, _g.K, aRow: 1, aTerm: _g.C, packed: false, cRow: BlockWidth);
    }

    /// <summary>Whether the transforms of an example are small enough to have them all at once.</summary>
    public static bool Suits(ConvolutionGeometry g) =>
        Winograd.Suits(g) && (long)Winograd.Slots * new WinogradTiles(g.OutH, g.OutW, g.R).Count * (g.C + g.K) <= FloatsOfTransformsAtMost;

    public int ScratchLength => checked(TransformsLength + (Winograd.Slots * SlotBlock));

    private int TransformsLength => Winograd.Slots * (SlotX + SlotDy);

    private int SlotX => Winograd.SlotStride(_tiles.Count * _g.C);

    private int SlotDy => Winograd.SlotStride(_tiles.Count * _g.K);

    private int BlockWidth => _lanes.RoundUp(_g.K);

    private int SlotBlock => Winograd.SlotStride(_blocks.Size(0) * _rows.Size(0) * BlockWidth);

    public void Run(ImagePlane x, nint xStep, ImagePlane dy, nint dyStep, int examples, FilterGradientTarget sums, float* scratch, Prefetcher? ahead)
    {
        float* v = scratch, w = scratch + (Winograd.Slots * SlotX), sumsOfDy = scratch + TransformsLength;
        for (int example = 0; example < examples; example++)
        {
            ImagePlane y = new(dy.Origin + (example * dyStep), dy.RowStride);
            if (sums.BiasGradient != null || sums.BiasSquares != null)
            {
                _lanes.SumPixels(y, _g.OutH, _g.OutW, _g.K, sumsOfDy);
                _lanes.AddWithSquares(sumsOfDy, sums.BiasGradient, sums.BiasSquares, _g.K);
            }
            _lanes.WinogradInput(_tiles, new PixelGrid(x.Origin + (example * xStep), x.RowStride, _g.C), _g.C, v, SlotX);
            _lanes.WinogradOutputGradient(_tiles, new PixelGrid(y.Origin, y.RowStride, _g.K), _g.K, w, SlotDy);
            Multiply(scratch, sums.Gradient, sums.Squares, ahead);
        }
    }

    private void Multiply(float* scratch, float* gradient, float* squares, Prefetcher? ahead)
    {
        nint slotX = SlotX, slotDy = SlotDy, slotBlock = SlotBlock;
        float* v = scratch, w = scratch + (Winograd.Slots * slotX), m = scratch + TransformsLength;
        for (int block = 0; block < _blocks.Chunks; block++)
        {
            int chunk = _blocks.Start(block), last = chunk + _blocks.Size(block) - 1;
            int first = _rows.Start(chunk);
            EvenSplit rows = new(_rows.Start(last) + _rows.Size(last) - first, last + 1 - chunk);
            for (int slot = 0; slot < Winograd.Slots; slot++)
                _products.Run(rows, _tiles.CountOf(slot), v + (slot * slotX) + first, w + (slot * slotDy), m + (slot * slotBlock), ahead);
            nint at = (nint)first * _g.K;
            _lanes.WinogradFilterGradient(m, slotBlock, BlockWidth, rows.Count, _g.K,
                gradient == null ? null : gradient + at, squares == null ? null : squares + at, (nint)_g.C * _g.K, _g.K, _g.R);
        }
    }
}
