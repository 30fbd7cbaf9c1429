using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Kfac.Kernels;

/// <summary>
/// C[M, N] = f(op(A))[M, K] g(op(B))[K, N], plus a bias row or plus C itself, or times a scale; op transposes, f and g square the elements, as planned.
/// Planned once for the largest M, N and K; M and K may be smaller in a call (a last, smaller batch). A call is a number of units,
/// each on one thread: first all of <see cref="Pack"/>, then, after a barrier, all of <see cref="Multiply"/>.
/// Every element of C belongs to one unit and is summed in the order of K, so its bits do not depend on who runs which unit,
/// nor on the other rows of the call.
/// </summary>
/// <remarks>
/// Operands are read in place where they can be: A always can unless squared, B unless squared or transposed, or so large that
/// it streams through the cache several times while a row of a panel is no more than a cache line. Where all of
/// B stays in the cache, units are rows of C, and a tile of A meets every panel of B; otherwise units are panels, and each
/// meets every tile of A. What only one unit reads and has to be packed is packed just before, if it is small, and found in the cache.
/// </remarks>
internal sealed unsafe class MatrixProduct
{
    private const int UnitsWanted = 32, FloatsInCache = 64 * 1024, UsesOfPacked = 8;

    /// <summary>Of a tile or a panel packed on the way. So few that there are at least eight such panels, and each has one unit.</summary>
    private const int MaxFloatsInFlight = FloatsInCache / 8;

    private readonly bool _transposeA, _transposeB, _squareA, _squareB, _lowerOnly, _packA, _packB, _unitsAreRows;
    private readonly LaneKernels _lanes;
    private readonly int _tileRows, _rowBlocks, _panelBlocks, _floatsOnTheWay;
    private readonly Panel[] _panels;

    /// <summary>The first of some equal panels, and how many; all of B's.</summary>
    private readonly (Panel First, int Count)[] _kinds;

    /// <summary>[panel, rows - 1]</summary>
    private readonly delegate*<TileArguments*, void>[] _overwrite, _add, _scaled;

    /// <param name="m">Rows of C, at most.</param>
    /// <param name="n">Columns of C.</param>
    /// <param name="k">Terms of a sum, at most.</param>
    /// <param name="transposeA">Whether A comes as [K, M].</param>
    /// <param name="transposeB">Whether B comes as [N, K].</param>
    /// <param name="squareA">Whether A's elements are squared.</param>
    /// <param name="squareB">Whether B's elements are squared.</param>
    /// <param name="isa">Forces an instruction set; null takes <see cref="InstructionSets.Current"/>.</param>
    /// <param name="lowerOnly">Whether only C's diagonal and what lies below it is wanted; what lies above is left in any state.</param>
    public MatrixProduct(int m, int n, int k, bool transposeA = false, bool transposeB = false,
        bool squareA = false, bool squareB = false, InstructionSet? isa = null, bool lowerOnly = false)
    {
        Debug.Assert(m > 0 && n > 0 && k > 0);
        (M, N, K) = (m, n, k);
        (_transposeA, _transposeB, _squareA, _squareB, _lowerOnly) = (transposeA, transposeB, squareA, squareB, lowerOnly);
        InstructionSet = isa ?? InstructionSets.Current;
        _lanes = LaneKernels.For(InstructionSet);
        _tileRows = _lanes.TileRows;
        _panels = Panel.Split(n, _lanes.Width);
        _kinds = Panel.EqualPanels(n, _lanes.Width);
        _overwrite = Tiles<StoreClamped>();
        _add = Tiles<Accumulate>();
        _scaled = Tiles<StoreScaled>();

        int tiles = EvenSplit.AtMost(m, _tileRows).Chunks;
        _unitsAreRows = (long)n * k <= FloatsInCache;
        _packA = squareA;
        _packB = squareB || transposeB || (!_unitsAreRows && _panels[0].Width <= Prefetcher.Line && tiles >= UsesOfPacked);
        int ownFloats = (_unitsAreRows ? (_packA ? _tileRows : 0) : (_packB ? _panels[0].Width : 0)) * k;
        _floatsOnTheWay = ownFloats <= MaxFloatsInFlight ? ownFloats : 0;
        _panelBlocks = _unitsAreRows ? 1 : Math.Min(_panels.Length, UnitsWanted);
        _rowBlocks = Math.Min(tiles, Math.Max(_unitsAreRows ? UnitsWanted : 8 / _panelBlocks, 1));
    }

    /// <summary>Rows of C, at most.</summary>
    public int M { get; }

    /// <summary>Columns of C.</summary>
    public int N { get; }

    /// <summary>Terms of a sum, at most.</summary>
    public int K { get; }

    public InstructionSet InstructionSet { get; }

    /// <summary>Floats of packed operands, shared by all workers.</summary>
    public int PackedLength => checked(PackedALength + (PackedPanels > 0 ? _lanes.RoundUp(N) * K : 0));

    /// <summary>Units of <see cref="Pack"/>; may be 0.</summary>
    public int PackUnits => PackedTiles + PackedPanels;

    /// <summary>Units of <see cref="Multiply"/>.</summary>
    public int Units => _rowBlocks * _panelBlocks;

    /// <summary>Tiles of A that are packed before all units.</summary>
    private int PackedTiles => _packA && !TilesOnTheWay ? EvenSplit.AtMost(M, _tileRows).Chunks : 0;

    /// <summary>Panels of B that are.</summary>
    private int PackedPanels => _packB && !PanelsOnTheWay ? _panels.Length : 0;

    private int PackedALength => PackedTiles > 0 ? checked(M * K + 15) / 16 * 16 : 0;

    private bool TilesOnTheWay => _unitsAreRows && _floatsOnTheWay > 0;

    private bool PanelsOnTheWay => !_unitsAreRows && _floatsOnTheWay > 0;

    /// <summary>Packs one part of the operands.</summary>
    public void Pack(int unit, in MatrixOperands o)
    {
        Debug.Assert(unit < PackUnits && o.M <= M && o.K <= K && o.Packed != null);
        EvenSplit rows = EvenSplit.AtMost(o.M, _tileRows);
        int tile = unit - PackedPanels;
        if (tile < 0)
            PackPanel(_panels[unit], o, PanelOf(o, unit));
        else if (tile < rows.Chunks)
            PackTile(rows, tile, o, TileOf(o, rows.Start(tile)));
    }

    /// <summary>Computes one part of C.</summary>
    [SkipLocalsInit]
    public void Multiply(int unit, in MatrixOperands o)
    {
        Debug.Assert(unit < Units && o.M <= M && o.K <= K);
        Debug.Assert((o.Accumulate ? 1 : 0) + (o.Scale != null ? 1 : 0) + (o.Bias != null || o.Relu ? 1 : 0) <= 1);
        EvenSplit rows = EvenSplit.AtMost(o.M, _tileRows), rowBlocks = new(rows.Chunks, _rowBlocks), panelBlocks = new(_panels.Length, _panelBlocks);
        (int panelBlock, int rowBlock) = Math.DivRem(unit, _rowBlocks);
        (int firstTile, int tiles) = (rowBlocks.Start(rowBlock), rowBlocks.Size(rowBlock));
        (int firstPanel, int panels) = (panelBlocks.Start(panelBlock), panelBlocks.Size(panelBlock));
        if (tiles == 0)
            return;

        nint* aOffsets = stackalloc nint[_tileRows];
        nint* cOffsets = stackalloc nint[_tileRows];
        nint aRow = _packA || _transposeA ? 1 : o.StrideA;
        for (int i = 0; i < _tileRows; i++)
            (aOffsets[i], cOffsets[i]) = (i * aRow, i * o.StrideC);
        TileArguments t = new()
        {
            AOffsets = aOffsets,
            COffsets = cOffsets,
            Groups = 1,
            Length = o.K,
            Floor = o.Relu ? 0f : float.NegativeInfinity,
            Scale = o.Scale ?? 1f,
        };
        float* memory = stackalloc float[_floatsOnTheWay + Prefetcher.Line];
        float* packed = memory + (-((nint)memory / sizeof(float)) & (Prefetcher.Line - 1));
        if (_unitsAreRows)
        {
            for (int tile = firstTile; tile < firstTile + tiles; tile++)
            {
                if (TilesOnTheWay)
                    PackTile(rows, tile, o, packed);
                MeetPanels(o, &t, rows.Start(tile), rows.Size(tile), TilesOnTheWay ? packed : TileOf(o, rows.Start(tile)));
            }
        }
        else
        {
            for (int panel = firstPanel; panel < firstPanel + panels; panel++)
            {
                if (PanelsOnTheWay)
                {
                    PackPanel(_panels[panel], o, packed);
                    AskForPanel(o, &t, panel + 1, tiles);
                }
                MeetTiles(o, &t, rows, firstTile, firstTile + tiles, panel, PanelsOnTheWay ? packed : PanelOf(o, panel));
            }
        }
    }

    /// <summary>A tile, which is at <paramref name="a"/>, and every panel.</summary>
    private void MeetPanels(in MatrixOperands o, TileArguments* t, int row, int rows, float* a)
    {
        int p = 0;
        foreach ((Panel first, int count) in _kinds)
        {
            int wanted = _lowerOnly ? Math.Min((row + rows - first.Start + first.Width - 1) / first.Width, count) : count;
            if (wanted > 0)
                Run(o, t, row, rows, tiles: 1, p, wanted, a, PanelOf(o, p));
            p += count;
        }
    }

    /// <summary>A panel, which is at <paramref name="b"/>, and tiles from <paramref name="tile"/> to <paramref name="end"/>.</summary>
    private void MeetTiles(in MatrixOperands o, TileArguments* t, EvenSplit rows, int tile, int end, int p, float* b)
    {
        while (_lowerOnly && tile < end && rows.Start(tile) + rows.Size(tile) <= _panels[p].Start)
            tile++;
        int endOfLargest = Math.Clamp(rows.Chunks - rows.Smaller, tile, end);
        if (tile < endOfLargest)
            Run(o, t, rows.Start(tile), rows.Largest, endOfLargest - tile, p, panels: 1, TileOf(o, rows.Start(tile)), b);
        if (endOfLargest < end)
            Run(o, t, rows.Start(endOfLargest), rows.Largest - 1, end - endOfLargest, p, panels: 1, TileOf(o, rows.Start(endOfLargest)), b);
    }

    /// <summary>Some tiles of equal size, and some equal panels, the first of them at <paramref name="a"/> and <paramref name="b"/>.</summary>
    private void Run(in MatrixOperands o, TileArguments* t, int row, int rows, int tiles, int p, int panels, float* a, float* b)
    {
        Panel panel = _panels[p];
        t->A = a;
        t->AStep = _packA ? rows : _transposeA ? o.StrideA : 1;
        (t->Repeats, t->ANext, t->CNext) = (tiles, rows * TileRowOf(o), rows * o.StrideC);
        t->B = b;
        t->BStep = _packB ? panel.Width : o.StrideB;
        (t->Panels, t->BNext) = (panels, panel.Width * (_packB ? o.K : 1));
        t->C = o.C + (row * o.StrideC) + panel.Start;
        t->Columns = panel.Columns;
        t->Initial = o.Bias == null ? null : o.Bias + panel.Start;
        (o.Accumulate ? _add : o.Scale != null ? _scaled : _overwrite)[(p * _tileRows) + rows - 1](t);
    }

    /// <summary>Tiles of A begin so many floats apart for each row.</summary>
    private nint TileRowOf(in MatrixOperands o) => _packA ? o.K : _transposeA ? 1 : o.StrideA;

    /// <summary>Where a tile of A is read, unless it is packed on the way.</summary>
    private float* TileOf(in MatrixOperands o, int row) => (_packA ? o.Packed : o.A) + (row * TileRowOf(o));

    /// <summary>Where a panel of B is read, unless it is packed on the way.</summary>
    private float* PanelOf(in MatrixOperands o, int p) => _packB ? o.Packed + PackedALength + ((nint)_panels[p].Start * o.K) : o.B + _panels[p].Start;

    /// <summary>A panel of B as [K, panel width], padded with zeros.</summary>
    private void PackPanel(Panel panel, in MatrixOperands o, float* to)
    {
        nint column = _transposeB ? o.StrideB : 1, term = _transposeB ? 1 : o.StrideB;
        _lanes.Pack(o.B + (panel.Start * column), column, term, panel.Columns, o.K, panel.Width, _squareB, to);
    }

    /// <summary>The rows of A of a tile as [K, rows].</summary>
    private void PackTile(EvenSplit split, int tile, in MatrixOperands o, float* to)
    {
        nint row = _transposeA ? 1 : o.StrideA, term = _transposeA ? o.StrideA : 1;
        _lanes.Pack(o.A + (split.Start(tile) * row), row, term, split.Size(tile), o.K, split.Size(tile), _squareA, to);
    }

    /// <summary>Has the tiles of a panel packed on the way ask for what the next is packed from, where that is in one chunk.</summary>
    private void AskForPanel(in MatrixOperands o, TileArguments* t, int p, int tiles)
    {
        if (_transposeB && o.StrideB == o.K && p < _panels.Length)
            Prefetcher.SpreadOver(ref *t, tiles, o.B + (_panels[p].Start * o.StrideB), _panels[p].Columns * o.StrideB);
        else
            t->PrefetchedLines = 0;
    }

    private delegate*<TileArguments*, void>[] Tiles<TEpilogue>()
        where TEpilogue : struct, ITileEpilogue
    {
        var tiles = new delegate*<TileArguments*, void>[_panels.Length * _tileRows];
        for (int p = 0; p < _panels.Length; p++)
            for (int rows = 1; rows <= _tileRows; rows++)
                tiles[(p * _tileRows) + rows - 1] = _lanes.Tile<TEpilogue>(rows, _panels[p]);
        return tiles;
    }
}
