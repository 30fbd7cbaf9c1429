using System.Diagnostics;

namespace Kfac.Kernels;

/// <summary>
/// The correlation with a 3 x 3 or 5 x 5 filter at stride 1 by Winograd's minimal filtering F(4 x 4, 3 x 3) or
/// F(2 x 2, 5 x 5) (Lavin and Gray 2016): y = A^T [sum over channels of (G g G^T) * (B^T d B)] A for each tile of y, from
/// 6 x 6 pixels d of x. 36 products where the definition has 144 or 100, for an error about twice as large.
/// </summary>
/// <remarks>
/// Some tiles at a time: their transforms [36, tiles, channels in], 36 matrix products with the transformed filter
/// [36, channels in, channels out], and the transform back, all within the second-level cache. A map of few tiles shares them
/// with other examples' maps: a filter that does not fit that cache is then read once for all of these. The channels out
/// of such a filter are taken block by block.
/// </remarks>
internal sealed unsafe class Winograd : ICorrelation
{
    /// <summary>Points beside 0 and infinity; these have less than half the error of 1 and 2.</summary>
    public const float P = 0.625f, Q = 1.5f;

    /// <summary>Pixels of a tile of x along a side, and its square.</summary>
    public const int Side = 6, Slots = Side * Side;

    /// <summary>Of the transforms of some tiles; of x alone and of a block of channels out alone, where the filter does not fit the cache.</summary>
    private const int FloatsOfTransforms = 128 * 1024, FloatsOfInput = 320 * 1024, FloatsOfBlock = 128 * 1024;

    /// <summary>A larger filter does not fit the cache beside the transforms.</summary>
    private const int FloatsOfSmallFilter = 256 * 1024;

    /// <summary>Tiles that are enough for a product, and examples that are enough at a time.</summary>
    private const int TilesWanted = 32, MaxExamples = 8;

    private readonly LaneKernels _lanes;
    private readonly int _rows, _columns, _channelsIn, _channelsOut, _taps;
    private readonly WinogradTiles _all;
    private readonly Panel[] _panels;
    private readonly bool _streamsFilter;
    private readonly Block[] _blocks;

    /// <summary>Tiles of a chunk: some rows of them, or a part of one.</summary>
    private readonly EvenSplit _down, _across;

    public Winograd(LaneKernels lanes, int rows, int columns, int channelsIn, int channelsOut, int taps)
    {
        _lanes = lanes;
        (_rows, _columns, _channelsIn, _channelsOut) = (rows, columns, channelsIn, channelsOut);
        _taps = taps;
        _all = new WinogradTiles(rows, columns, taps);
        _streamsFilter = (long)Slots * channelsIn * channelsOut > FloatsOfSmallFilter;
        int most = Math.Max(_streamsFilter ? FloatsOfInput / (Slots * channelsIn) : FloatsOfTransforms / (Slots * (channelsIn + channelsOut)), 1);
        _across = EvenSplit.AtMost(_all.Across, most);
        _down = EvenSplit.AtMost(_all.Down, Math.Max(most / _all.Across, 1));
        PreferredExamples = ExamplesFor(_all.Count, Math.Min(most, TilesWanted));
        _panels = Panel.Split(channelsOut, lanes.Width);
        SlotLength = SlotStride(checked(channelsIn * lanes.RoundUp(channelsOut)));
        _blocks = Block.Split(lanes, _panels, _streamsFilter ? FloatsOfBlock / (Slots * MaxTiles) : channelsOut, aRow: channelsIn, aTerm: 1, bTerm: 0);
    }

    public int PackedLength => checked(Slots * SlotLength);

    public int ScratchLength => checked(Slots * (SlotStride(MaxTiles * _channelsIn) + SlotStride(MaxTiles * _blocks.Max(block => block.Columns))));

    public int PreferredExamples { get; }

    public int OverhangRows => (_all.Down * _all.Tile) - _rows;

    public int OverhangColumns => (_all.Across * _all.Tile) - _columns;

    private int SlotLength { get; }

    private int MaxTiles => PreferredExamples * _down.Size(0) * _across.Size(0);

    /// <summary>Whether it can do a convolution, and does it faster than the definition.</summary>
    public static bool Suits(ConvolutionGeometry g) =>
        g is { R: 3 or 5, StrideY: 1, StrideX: 1, C: >= 16, K: >= 16 } && g.R == g.S && (g.Locations >= 64 || Math.Min(g.OutH, g.OutW) >= 3);

    /// <summary>Examples, a power of two, that together have so many tiles and no more, unless one has.</summary>
    /// <param name="tiles">Tiles of one.</param>
    /// <param name="most">Tiles wanted.</param>
    public static int ExamplesFor(int tiles, int most)
    {
        int examples = 1;
        while (2 * examples * tiles <= most && 2 * examples <= MaxExamples)
            examples *= 2;
        return examples;
    }

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

    public void Run(int examples, PixelGrid x, nint group, float* packed, float* bias, float floor, PixelGrid y, PixelGrid gate, float* scratch, Prefetcher? ahead)
    {
        Debug.Assert(group == x.Row);
        for (int first = 0; first < examples; first += PreferredExamples)
            for (int down = 0; down < _down.Chunks; down++)
                for (int across = 0; across < _across.Chunks; across++)
                {
                    int i = _down.Start(down) * _all.Tile, j = _across.Start(across) * _all.Tile;
                    var tiles = new WinogradTiles(
                        Math.Min(_rows - i, _down.Size(down) * _all.Tile), Math.Min(_columns - j, _across.Size(across) * _all.Tile), _taps,
                        Math.Min(PreferredExamples, examples - first));
                    Run(tiles, x.From(first).At(i, j), packed, bias, floor, y.From(first).At(i, j), gate.From(first).At(i, j), scratch, ahead);
                }
    }

    private void Run(WinogradTiles tiles, PixelGrid x, float* packed, float* bias, float floor, PixelGrid y, PixelGrid gate, float* scratch, Prefetcher? ahead)
    {
        nint slotIn = SlotStride(tiles.Count * _channelsIn);
        float* v = scratch, m = scratch + (Slots * slotIn);
        for (int n = 0; n < tiles.Examples; n++)
            _lanes.WinogradInput(tiles.Of(n), x.From(n), .._channelsIn, _channelsIn, v, slotIn);
        foreach (Block block in _blocks)
        {
            nint slotOut = SlotStride(tiles.Count * block.Columns);
            float* filter = packed + ((nint)block.Start * _channelsIn);
            EvenSplit rows = default;
            for (int slot = 0; slot < Slots; slot++)
            {
                if (rows.Count != tiles.CountOf(slot))
                    rows = EvenSplit.AtMost(tiles.CountOf(slot), _lanes.TileRows);
                float* slotOfFilter = filter + ((nint)slot * SlotLength), next = _streamsFilter && slot < Slots - 1 ? slotOfFilter + SlotLength : null;
                block.Products.Run(
                    rows, _channelsIn, v + (slot * slotIn), slotOfFilter, m + (slot * slotOut), ahead, next, (nint)block.Columns * _channelsIn);
            }
            for (int n = 0; n < tiles.Examples; n++)
                _lanes.WinogradOutput(tiles.Of(n), m, slotOut, block.Columns, bias == null ? null : bias + block.Start, floor, y.From(n, block.Start), gate.From(n, block.Start));
        }
    }

    /// <summary>Some of the channels out.</summary>
    /// <param name="Start">The first.</param>
    /// <param name="Columns">How many.</param>
    /// <param name="Products">m[slot] = v[slot] u[slot] for these.</param>
    internal readonly record struct Block(int Start, int Columns, TileSweep Products)
    {
        /// <summary>Blocks of whole panels, as even as can be, each of at most <paramref name="largest"/> channels or of one panel.</summary>
        public static Block[] Split(LaneKernels lanes, Panel[] panels, int largest, nint aRow, nint aTerm, nint bTerm)
        {
            EvenSplit split = EvenSplit.AtMost(panels.Length, Math.Max(largest / panels[0].Width, 1));
            return [.. Enumerable.Range(0, split.Chunks).Select(block =>
            {
                Panel first = panels[split.Start(block)], last = panels[split.Start(block) + split.Size(block) - 1];
                int columns = last.Start + last.Columns - first.Start;
                return new Block(first.Start, columns, new TileSweep(lanes, columns, aRow, aTerm, bTerm, cRow: bTerm == 0 ? columns : lanes.RoundUp(columns)));
            })];
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
