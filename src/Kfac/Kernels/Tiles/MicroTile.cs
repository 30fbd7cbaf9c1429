using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Kfac.Kernels;

/// <summary>
/// The one inner loop of all products: with TRows rows i and one or two vectors of columns j,
/// sum[i, j] = initial[j] + sum over g, k of A[g, k, i] * B[g, k, j], terms in the order of memory, then the epilogue.
/// The sums live in registers, a term costs a load of each vector of B, and a broadcast for each row of A:
/// <code>
///               B  | b b b b | b b b b |     one term: 2 loads
///       A          +---------+---------+
///       a  ------> | row 0             |     one broadcast, 2 multiply-adds a row
///       a  ------> | row 1             |
///       :          |  :  registers     |
/// </code>
/// Rows of A are anywhere (<see cref="TileArguments.AOffsets"/>): pixels of an image, positions of a patch, rows or columns
/// of a matrix are read in place. A row of ones (<see cref="IRows.AndOnes"/>) needs no multiply-add, only an addition, for which
/// processors have other units.
/// </summary>
internal static unsafe class MicroTile<TLanes, TVector, TRows, TColumns, TEpilogue>
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
    where TRows : struct, IRows
    where TColumns : struct, IColumns
    where TEpilogue : struct, ITileEpilogue
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(TileArguments* t)
    {
        nint* offsets = t->AOffsets;
        nint o1 = TRows.Count > 1 ? offsets[1] : 0, o2 = TRows.Count > 2 ? offsets[2] : 0, o3 = TRows.Count > 3 ? offsets[3] : 0;
        nint o4 = TRows.Count > 4 ? offsets[4] : 0, o5 = TRows.Count > 5 ? offsets[5] : 0, o6 = TRows.Count > 6 ? offsets[6] : 0;

        float* bPanel = t->B, cPanel = t->C, ahead = t->Ahead;
        nint panels = t->Panels;
        do
        {
            float* aTile = t->A, c = cPanel;
            nint repeats = t->Repeats;
            do
            {
                TVector start0 = default, start1 = default;
                if (t->Initial != null)
                    LoadPanel(t->Initial + (cPanel - t->C), t->Columns, out start0, out start1);
                TVector s0 = start0, s1 = start0, s2 = start0, s3 = start0, s4 = start0, s5 = start0, s6 = start0;
                TVector z0 = start1, z1 = start1, z2 = start1, z3 = start1, z4 = start1, z5 = start1, z6 = start1;
                TVector u0 = default, u1 = default;
                float* aGroup = aTile, bGroup = bPanel;
                for (nint groups = t->Groups; groups > 0; groups--, aGroup += t->AGroup, bGroup += t->BGroup)
                {
                    for (nint line = t->PrefetchedLines; line > 0; line--, ahead += Prefetcher.Line)
                        Sse.Prefetch1(ahead);
                    float* a = aGroup, b = bGroup;
                    nint aStep = t->AStep, bStep = t->BStep;
                    float* end = a + (t->Length * aStep);
                    if (TRows.Tapered)
                    {
                        AddTerm(a, b, t->Columns, first: 2, end: TRows.Count, o1, o2, o3, o4, o5, o6,
                            ref s0, ref z0, ref s1, ref z1, ref s2, ref z2, ref s3, ref z3, ref s4, ref z4, ref s5, ref z5, ref s6, ref z6, ref u0, ref u1);
                        AddTerm(a + aStep, b + bStep, t->Columns, first: 1, end: TRows.Count, o1, o2, o3, o4, o5, o6,
                            ref s0, ref z0, ref s1, ref z1, ref s2, ref z2, ref s3, ref z3, ref s4, ref z4, ref s5, ref z5, ref s6, ref z6, ref u0, ref u1);
                        a += 2 * aStep;
                        b += 2 * bStep;
                        end -= 2 * aStep;
                    }
                    for (; a != end; a += aStep, b += bStep)
                        AddTerm(a, b, t->Columns, first: 0, end: TRows.Count, o1, o2, o3, o4, o5, o6,
                            ref s0, ref z0, ref s1, ref z1, ref s2, ref z2, ref s3, ref z3, ref s4, ref z4, ref s5, ref z5, ref s6, ref z6, ref u0, ref u1);
                    if (TRows.Tapered)
                    {
                        AddTerm(a, b, t->Columns, first: 0, end: TRows.Count - 1, o1, o2, o3, o4, o5, o6,
                            ref s0, ref z0, ref s1, ref z1, ref s2, ref z2, ref s3, ref z3, ref s4, ref z4, ref s5, ref z5, ref s6, ref z6, ref u0, ref u1);
                        AddTerm(a + aStep, b + bStep, t->Columns, first: 0, end: TRows.Count - 2, o1, o2, o3, o4, o5, o6,
                            ref s0, ref z0, ref s1, ref z1, ref s2, ref z2, ref s3, ref z3, ref s4, ref z4, ref s5, ref z5, ref s6, ref z6, ref u0, ref u1);
                    }
                }

                nint* at = t->COffsets;
                TEpilogue.Finish<TLanes, TVector, TColumns>(t, c, at[0], 0, s0, z0);
                if (TRows.Count > 1) TEpilogue.Finish<TLanes, TVector, TColumns>(t, c, at[1], 1, s1, z1);
                if (TRows.Count > 2) TEpilogue.Finish<TLanes, TVector, TColumns>(t, c, at[2], 2, s2, z2);
                if (TRows.Count > 3) TEpilogue.Finish<TLanes, TVector, TColumns>(t, c, at[3], 3, s3, z3);
                if (TRows.Count > 4) TEpilogue.Finish<TLanes, TVector, TColumns>(t, c, at[4], 4, s4, z4);
                if (TRows.Count > 5) TEpilogue.Finish<TLanes, TVector, TColumns>(t, c, at[5], 5, s5, z5);
                if (TRows.Count > 6) TEpilogue.Finish<TLanes, TVector, TColumns>(t, c, at[6], 6, s6, z6);
                if (TRows.AndOnes) Store.Finish<TLanes, TVector, TColumns>(t, t->SumsOfB, 0, TRows.Count, u0, u1);
                aTile += t->ANext;
                c += t->CNext;
            }
            while (--repeats > 0);
            bPanel += t->BNext;
            cPanel += TColumns.Vectors * TLanes.Width;
        }
        while (--panels > 0);
        t->Ahead = ahead;
    }

    /// <summary>Adds a term to the rows from <paramref name="first"/>, 2 at most, to before <paramref name="end"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddTerm(
        float* a, float* b, int columns, int first, int end, nint o1, nint o2, nint o3, nint o4, nint o5, nint o6,
        ref TVector s0, ref TVector z0, ref TVector s1, ref TVector z1, ref TVector s2, ref TVector z2, ref TVector s3, ref TVector z3,
        ref TVector s4, ref TVector z4, ref TVector s5, ref TVector z5, ref TVector s6, ref TVector z6, ref TVector u0, ref TVector u1)
    {
        LoadPanel(b, columns, out TVector b0, out TVector b1);
        if (first == 0) AddRow(a, b0, b1, ref s0, ref z0);
        if (first <= 1 && end > 1) AddRow(a + o1, b0, b1, ref s1, ref z1);
        if (end > 2) AddRow(a + o2, b0, b1, ref s2, ref z2);
        if (end > 3) AddRow(a + o3, b0, b1, ref s3, ref z3);
        if (end > 4) AddRow(a + o4, b0, b1, ref s4, ref z4);
        if (end > 5) AddRow(a + o5, b0, b1, ref s5, ref z5);
        if (end > 6) AddRow(a + o6, b0, b1, ref s6, ref z6);
        if (TRows.AndOnes)
        {
            u0 = TLanes.Add(u0, b0);
            if (TColumns.Vectors > 1)
                u1 = TLanes.Add(u1, b1);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddRow(float* a, TVector b0, TVector b1, ref TVector sum0, ref TVector sum1)
    {
        TVector broadcast = TLanes.Broadcast(*a);
        sum0 = TLanes.MultiplyAdd(broadcast, b0, sum0);
        if (TColumns.Vectors > 1)
            sum1 = TLanes.MultiplyAdd(broadcast, b1, sum1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LoadPanel(float* from, int columns, out TVector v0, out TVector v1)
    {
        v0 = TColumns.Load<TLanes, TVector>(from, columns);
        v1 = TColumns.Vectors > 1 ? TLanes.Load(from + TLanes.Width) : default;
    }
}
