namespace Kfac.Kernels;

/// <summary>
/// The tiles that cover a map of y, and where each has its place in the slots. Of 3 taps, a last row or column of tiles with
/// no more than 2 pixels is low or narrow: it needs 4 of the 6 points along that side, and has no place in the slots of
/// the others. Several examples' tiles take turns by rows of tiles, so that the low ones are last again.
/// </summary>
/// <remarks>
/// 14 x 14 pixels, by rows: a slot has 16 places, one of a row with point +-Q 12, one of a row and a column with it 9.
/// <code>
///     4 4 4 2
///   4 . . . n
///   4 . . . n
///   4 . . . n
///   2 l l l b
/// </code>
/// </remarks>
internal readonly struct WinogradTiles
{
    /// <summary>Pixels of x under a narrow tile, and points it needs: the first ones.</summary>
    public const int NarrowSide = 4;

    private const int NarrowTile = 2;

    private readonly int _columns, _low, _narrow, _example;

    /// <param name="rows">Rows of y.</param>
    /// <param name="columns">Columns of y.</param>
    /// <param name="taps">Rows and columns of a filter, 3 or 5.</param>
    /// <param name="examples">Examples whose tiles share the slots.</param>
    /// <param name="example">Whose tiles these are.</param>
    public WinogradTiles(int rows, int columns, int taps, int examples = 1, int example = 0)
    {
        (Examples, _example) = (examples, example);
        (Rows, _columns, Taps, Tile) = (rows, columns, taps, Winograd.Side + 1 - taps);
        (Down, Across) = ((rows + Tile - 1) / Tile, (columns + Tile - 1) / Tile);
        _low = taps == 3 && RowsOf(Down - 1) <= NarrowTile ? 1 : 0;
        _narrow = taps == 3 && ColumnsOf(Across - 1) <= NarrowTile ? 1 : 0;
    }

    /// <summary>Examples whose tiles share the slots.</summary>
    public int Examples { get; }

    /// <summary>Rows and columns of a filter.</summary>
    public int Taps { get; }

    /// <summary>Rows and columns of y in a tile that is neither low nor narrow nor at the end.</summary>
    public int Tile { get; }

    /// <summary>Rows of y.</summary>
    public int Rows { get; }

    /// <summary>Rows of an example's tiles.</summary>
    public int Down { get; }

    /// <summary>Columns of tiles.</summary>
    public int Across { get; }

    /// <summary>Tiles of all examples.</summary>
    public int Count => Down * Across * Examples;

    /// <summary>The tiles of example <paramref name="n"/>.</summary>
    public WinogradTiles Of(int n) => new(Rows, _columns, Taps, Examples, n);

    /// <summary>Rows of y in a row of tiles.</summary>
    public int RowsOf(int row) => Math.Min(Rows - (row * Tile), Tile);

    /// <summary>Columns of y in a column of tiles.</summary>
    public int ColumnsOf(int tile) => Math.Min(_columns - (tile * Tile), Tile);

    public bool IsLow(int row) => row >= Down - _low;

    public bool IsNarrow(int tile) => tile >= Across - _narrow;

    /// <summary>Points that a row of tiles needs down its columns.</summary>
    public int PointsDown(int row) => IsLow(row) ? NarrowSide : Winograd.Side;

    /// <summary>Points that a tile needs along its rows.</summary>
    public int PointsAcross(int tile) => IsNarrow(tile) ? NarrowSide : Winograd.Side;

    /// <summary>Tiles that have a place in <paramref name="slot"/>.</summary>
    public int CountOf(int slot)
    {
        (int i, int j) = Math.DivRem(slot, Winograd.Side);
        return (Down - (i < NarrowSide ? 0 : _low)) * Examples * (Across - (j < NarrowSide ? 0 : _narrow));
    }

    /// <summary>The tile's place in slots of columns that narrow tiles have too.</summary>
    public nint Place(int row, int tile, int channels) => ((nint)(Row(row) * Across) + tile) * channels;

    /// <summary>The tile's place in slots of wide columns.</summary>
    public nint WidePlace(int row, int tile, int channels) => ((nint)(Row(row) * (Across - _narrow)) + tile) * channels;

    /// <summary>The number of the example's row of tiles among those of all.</summary>
    private int Row(int row) => (row * Examples) + _example;
}
