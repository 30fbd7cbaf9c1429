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
                    for (nint line = t->AheadLines; line > 0; line--, ahead += LookAhead.Line)
                        Sse.Prefetch1(ahead);
                    float* a = aGroup, b = bGroup;
                    nint aStep = t->AStep, bStep = t->BStep;
                    for (float* end = a + (t->Length * aStep); a != end; a += aStep, b += bStep)
                    {
                        LoadPanel(b, t->Columns, out TVector b0, out TVector b1);
                        AddRow(a, b0, b1, ref s0, ref z0);
                        if (TRows.Count > 1) AddRow(a + o1, b0, b1, ref s1, ref z1);
                        if (TRows.Count > 2) AddRow(a + o2, b0, b1, ref s2, ref z2);
                        if (TRows.Count > 3) AddRow(a + o3, b0, b1, ref s3, ref z3);
                        if (TRows.Count > 4) AddRow(a + o4, b0, b1, ref s4, ref z4);
                        if (TRows.Count > 5) AddRow(a + o5, b0, b1, ref s5, ref z5);
                        if (TRows.Count > 6) AddRow(a + o6, b0, b1, ref s6, ref z6);
                        if (TRows.AndOnes)
                        {
                            u0 = TLanes.Add(u0, b0);
                            if (TColumns.Vectors > 1)
                                u1 = TLanes.Add(u1, b1);
                        }
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
                if (TRows.AndOnes) Copy.Finish<TLanes, TVector, TColumns>(t, t->SumsOfB, 0, TRows.Count, u0, u1);
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
