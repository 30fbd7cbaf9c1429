using System.Diagnostics;

namespace Kfac.Kernels;

/// <summary>
/// For each example, T[p, k] = sum over locations of patch[location, p] * dy[location, k], then gradient += T and
/// squares += T * T. A micro-tile takes some positions p of the patch and a panel of channels k over all locations:
/// T is never in memory, and an example's square costs no more than a second addition. The bias is a position whose
/// patch is 1, of one of the tiles.
/// </summary>
internal sealed unsafe class FilterGradient : IFilterGradient
{
    private readonly LaneKernels _lanes;
    private readonly ConvolutionGeometry _g;
    private readonly Panel[] _panels;

    private readonly Chunk[] _chunks;

    /// <summary>[panel, chunk]</summary>
    private readonly delegate*<TileArguments*, void>[] _gradient, _squares, _both;

    public FilterGradient(LaneKernels lanes, ConvolutionGeometry geometry)
    {
        (_lanes, _g) = (lanes, geometry);
        _panels = Panel.Split(geometry.K, lanes.Width);
        bool tapered = _g is { C: 1, S: 5, StrideX: 1, PadLeft: 2, PadRight: 2, OutW: >= 4 };
        Chunk[][] cuts = [Chunks(EvenSplit.AtMost(_g.PatchLength, lanes.TileRows), tapered: false), Chunks(new EvenSplit(_g.PatchLength, _g.R), tapered)];
        _chunks = cuts.Where(chunks => chunks[0].Count <= lanes.TileRows).MinBy(Cost)!;
        _gradient = Tiles<Accumulate>();
        _squares = Tiles<AccumulateSquare>();
        _both = Tiles<AccumulateWithSquare>();
    }

    public int ScratchLength => 2 * _lanes.Width;

    /// <summary>Panels of output channels.</summary>
    public int PanelCount => _panels.Length;

    /// <summary>Chunks of positions of the patch.</summary>
    public int ChunkCount => _chunks.Length;

    /// <summary>The chunk that the bias is with.</summary>
    public int ChunkWithBias => Array.FindIndex(_chunks, chunk => chunk.WithBias);

    /// <summary>The first position of a chunk, or the end of the last.</summary>
    public int PositionOf(int chunk) => chunk < ChunkCount ? _chunks[chunk].First : _g.PatchLength;

    public void Run(ImageBatch x, ImageBatch dy, FilterGradientTarget sums, float* scratch, Prefetcher? ahead) =>
        Run(x, dy, sums, scratch, ahead, 0, PanelCount, 0, ChunkCount);

    /// <summary>The same for some panels and chunks only.</summary>
    public void Run(
        ImageBatch x, ImageBatch dy, FilterGradientTarget sums, float* scratch, Prefetcher? ahead, int firstPanel, int endPanel, int firstChunk, int endChunk)
    {
        delegate*<TileArguments*, void>[] tiles = sums.Squares == null ? _gradient : sums.Gradient == null ? _squares : _both;
        int largest = _chunks[0].Count;
        nint* xOffsets = stackalloc nint[largest];
        nint* filterOffsets = stackalloc nint[largest];
        for (int i = 0; i < largest; i++)
            filterOffsets[i] = (nint)i * _g.K;

        TileArguments t = new()
        {
            AStep = _g.StrideX * _g.C,
            AGroup = _g.StrideY * x.First.RowStride,
            AOffsets = xOffsets,
            BStep = _g.K,
            BGroup = dy.First.RowStride,
            COffsets = filterOffsets,
            Length = _g.OutW,
            SumsOfB = scratch,
        };
        for (int p = firstPanel; p < endPanel; p++)
        {
            Panel panel = _panels[p];
            t.Columns = panel.Columns;
            for (int chunk = firstChunk; chunk < endChunk; chunk++)
            {
                (int first, int count, int firstRow, int endRow, bool withBias, _) = _chunks[chunk];
                t.Groups = endRow - firstRow;
                nint start = PlaceTile(first, count, x.First.RowStride, xOffsets) + (firstRow * t.AGroup), at = ((nint)first * _g.K) + panel.Start;
                t.C = sums.Gradient + at;
                t.Squares = sums.Squares + at;
                delegate*<TileArguments*, void> tile = tiles[(p * _chunks.Length) + chunk];
                for (int example = 0; example < x.Count; example++)
                {
                    t.A = x[example].Origin + start;
                    t.B = dy[example].Origin + panel.Start + (firstRow * t.BGroup);
                    ahead?.SpreadOver(ref t, t.Groups);
                    tile(&t);
                    if (withBias)
                        AddBias(sums, panel, scratch);
                }
            }
        }
    }

    private void AddBias(FilterGradientTarget sums, Panel panel, float* sumsOfDy) => _lanes.AddWithSquares(
        sumsOfDy, sums.BiasGradient == null ? null : sums.BiasGradient + panel.Start, sums.BiasSquares == null ? null : sums.BiasSquares + panel.Start, panel.Columns);

    /// <summary>The bias is with the chunk in the middle: of an odd number, it meets no rows of padding anyway.</summary>
    private Chunk[] Chunks(EvenSplit positions, bool tapered) => [.. Enumerable.Range(0, positions.Chunks).Select(chunk =>
    {
        int row = _g.S * _g.C, start = positions.Start(chunk), count = positions.Size(chunk);
        bool withBias = chunk == positions.Chunks / 2;
        (int first, int end) = withBias ? (0, _g.OutH) : _g.RowsRead.RowsOf(start / row, (start + count - 1) / row, _g.OutH);
        return new Chunk(start, count, first, end, withBias, tapered);
    })];

    /// <summary>Four times the products of a channel of dy, and each chunk's load of a pixel as a quarter of one.</summary>
    private long Cost(Chunk[] chunks) => chunks.Sum(chunk =>
        ((((4L * chunk.Count) + 1) * _g.OutW) - (chunk.Tapered ? 4 * FiveTapsWithoutPadding.LeftOut : 0)) * (chunk.EndRow - chunk.FirstRow));

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
        var tiles = new delegate*<TileArguments*, void>[_panels.Length * _chunks.Length];
        for (int i = 0; i < tiles.Length; i++)
        {
            (int panel, int chunk) = Math.DivRem(i, _chunks.Length);
            tiles[i] = _lanes.Tile<TEpilogue>(_chunks[chunk].Count, _panels[panel], _chunks[chunk].WithBias, _chunks[chunk].Tapered);
        }
        return tiles;
    }

    /// <summary>Positions of the patch that a tile takes.</summary>
    /// <param name="First">The first.</param>
    /// <param name="Count">How many.</param>
    /// <param name="FirstRow">The first row of dy that they multiply by anything but padding.</param>
    /// <param name="EndRow">The row after the last.</param>
    /// <param name="WithBias">Whether the bias is with them; the rows are all then.</param>
    /// <param name="Tapered">Whether they are a row of the filter that leaves columns of padding out; see <see cref="FiveTapsWithoutPadding"/>.</param>
    private readonly record struct Chunk(int First, int Count, int FirstRow, int EndRow, bool WithBias, bool Tapered);
}
