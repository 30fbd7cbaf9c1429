using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Kfac.Kernels;

/// <summary>
/// C = A B in as few calls as there are kinds of micro-tiles: each goes over equal panels, and for each over equal chunks of
/// rows. A call costs as much as a few terms of a tile, and <see cref="Winograd"/>'s algorithms have many short products.
/// </summary>
internal sealed unsafe class TileSweep
{
    /// <summary>Terms for which a product asks for memory at a time, so that no more lines are on the way than the processor keeps.</summary>
    private const int TermsOfGroup = 32;

    private readonly int _tileRows, _allPanels;
    private readonly bool _packed;
    private readonly nint _aRow, _aTerm, _bTerm, _cRow;

    /// <summary>[2, rows] of A and of C; its place is fixed.</summary>
    private readonly nint[] _offsets;

    /// <summary>The first of some equal panels, and how many.</summary>
    private readonly (Panel First, int Count)[] _panels;

    /// <summary>[kind of panel, rows - 1]</summary>
    private readonly delegate*<TileArguments*, void>[] _tiles;

    /// <param name="lanes">The instruction set.</param>
    /// <param name="columns">Columns of B and C.</param>
    /// <param name="aRow">Floats from a row of A to the next.</param>
    /// <param name="aTerm">Floats from a term of A to the next.</param>
    /// <param name="bTerm">Floats from a term of B to the next; 0 where B comes packed as [panel, terms, width of the panel].</param>
    /// <param name="cRow">Floats from a row of C to the next.</param>
    public TileSweep(LaneKernels lanes, int columns, nint aRow, nint aTerm, nint bTerm, nint cRow)
    {
        (_tileRows, _aRow, _aTerm, _bTerm, _packed, _cRow) = (lanes.TileRows, aRow, aTerm, bTerm, bTerm == 0, cRow);
        _offsets = GC.AllocateUninitializedArray<nint>(2 * _tileRows, pinned: true);
        for (int i = 0; i < _tileRows; i++)
            (_offsets[i], _offsets[_tileRows + i]) = (i * aRow, i * cRow);
        _panels = Panel.EqualPanels(columns, lanes.Width);
        _allPanels = _panels.Sum(kind => kind.Count);
        _tiles = new delegate*<TileArguments*, void>[_panels.Length * _tileRows];
        for (int kind = 0; kind < _panels.Length; kind++)
            for (int rows = 1; rows <= _tileRows; rows++)
                _tiles[(kind * _tileRows) + rows - 1] = lanes.Tile<Store>(rows, _panels[kind].First);
    }

    /// <param name="rows">Rows of A and C, cut into tiles; may be none.</param>
    /// <param name="terms">Columns of A and rows of B.</param>
    /// <param name="a">Row 0, term 0.</param>
    /// <param name="b">Term 0, column 0.</param>
    /// <param name="c">Row 0, column 0; overwritten.</param>
    /// <param name="ahead">What comes next, or null.</param>
    /// <param name="next">What comes first of all, instead; null for nothing.</param>
    /// <param name="nextLength">Floats of it.</param>
    public void Run(EvenSplit rows, int terms, float* a, float* b, float* c, Prefetcher? ahead, float* next = null, nint nextLength = 0)
    {
        if (rows.Count == 0)
            return;
        int largest = rows.Largest, smaller = rows.Smaller;
        nint* offsets = (nint*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_offsets));
        TileArguments t = new()
        {
            AStep = _aTerm,
            Groups = 1,
            Length = terms,
            AOffsets = offsets,
            COffsets = offsets + _tileRows,
        };
        if (next == null)
        {
            ahead?.SpreadOver(ref t, rows.Chunks * _allPanels);
        }
        else
        {
            t.Groups = terms % TermsOfGroup == 0 ? terms / TermsOfGroup : 1;
            t.Length = terms / t.Groups;
            t.AGroup = t.Length * _aTerm;
            Prefetcher.SpreadOver(ref t, t.Groups * rows.Chunks * _allPanels, next, nextLength);
        }
        for (int kind = 0; kind < _panels.Length; kind++)
        {
            (Panel panel, t.Panels) = _panels[kind];
            t.Columns = panel.Columns;
            t.A = a;
            t.B = b + (panel.Start * (nint)(_packed ? terms : 1));
            t.BStep = _packed ? panel.Width : _bTerm;
            t.BGroup = t.Length * t.BStep;
            t.BNext = panel.Width * (nint)(_packed ? terms : 1);
            t.C = c + panel.Start;
            for (int less = 0; less < 2; less++)
            {
                int size = largest - less;
                t.Repeats = less == 0 ? rows.Chunks - smaller : smaller;
                if (t.Repeats == 0)
                    continue;
                (t.ANext, t.CNext) = (size * _aRow, size * _cRow);
                _tiles[(kind * _tileRows) + size - 1](&t);
                t.A += t.Repeats * t.ANext;
                t.C += t.Repeats * t.CNext;
            }
        }
    }
}
