using System.Runtime.CompilerServices;

namespace Kfac.Kernels;

/// <summary>What becomes of the sums of a micro-tile.</summary>
internal unsafe interface ITileEpilogue
{
    /// <summary>Takes row <paramref name="row"/>, one vector of columns or two.</summary>
    static abstract void Finish<TLanes, TVector, TColumns>(TileArguments* t, int row, TVector v0, TVector v1)
        where TLanes : struct, ILanes<TVector>
        where TVector : unmanaged
        where TColumns : struct, IColumns;
}

/// <summary>C = sum</summary>
internal readonly unsafe struct Copy : ITileEpilogue
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Finish<TLanes, TVector, TColumns>(TileArguments* t, int row, TVector v0, TVector v1)
        where TLanes : struct, ILanes<TVector>
        where TVector : unmanaged
        where TColumns : struct, IColumns
    {
        float* c = t->C + t->COffsets[row];
        if (TColumns.IsPartial)
            TLanes.StoreFirst(c, v0, t->Columns);
        else
            TLanes.Store(c, v0);
        if (TColumns.Vectors > 1)
            TLanes.Store(c + TLanes.Width, v1);
    }
}

/// <summary>C = max(floor, sum)</summary>
internal readonly unsafe struct Overwrite : ITileEpilogue
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Finish<TLanes, TVector, TColumns>(TileArguments* t, int row, TVector v0, TVector v1)
        where TLanes : struct, ILanes<TVector>
        where TVector : unmanaged
        where TColumns : struct, IColumns
    {
        TVector floor = TLanes.Broadcast(t->Floor);
        Copy.Finish<TLanes, TVector, TColumns>(t, row, TLanes.Greater(floor, v0), TColumns.Vectors > 1 ? TLanes.Greater(floor, v1) : v1);
    }
}

/// <summary>C = gate &gt; 0 ? sum : 0</summary>
internal readonly unsafe struct OverwriteGated : ITileEpilogue
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Finish<TLanes, TVector, TColumns>(TileArguments* t, int row, TVector v0, TVector v1)
        where TLanes : struct, ILanes<TVector>
        where TVector : unmanaged
        where TColumns : struct, IColumns
    {
        float* gate = t->Gate + t->GateOffsets[row];
        v0 = TLanes.WherePositive(TColumns.IsPartial ? TLanes.LoadFirst(gate, t->Columns) : TLanes.Load(gate), v0);
        Copy.Finish<TLanes, TVector, TColumns>(t, row, v0, TColumns.Vectors > 1 ? TLanes.WherePositive(TLanes.Load(gate + TLanes.Width), v1) : v1);
    }
}

/// <summary>C += sum</summary>
internal readonly unsafe struct AddTo : ITileEpilogue
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Finish<TLanes, TVector, TColumns>(TileArguments* t, int row, TVector v0, TVector v1)
        where TLanes : struct, ILanes<TVector>
        where TVector : unmanaged
        where TColumns : struct, IColumns
    {
        float* c = t->C + t->COffsets[row];
        if (TColumns.IsPartial)
            TLanes.StoreFirst(c, TLanes.Add(TLanes.LoadFirst(c, t->Columns), v0), t->Columns);
        else
            TLanes.Store(c, TLanes.Add(TLanes.Load(c), v0));
        if (TColumns.Vectors > 1)
            TLanes.Store(c + TLanes.Width, TLanes.Add(TLanes.Load(c + TLanes.Width), v1));
    }
}

/// <summary>Squares += sum * sum</summary>
internal readonly unsafe struct AddSquare : ITileEpilogue
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Finish<TLanes, TVector, TColumns>(TileArguments* t, int row, TVector v0, TVector v1)
        where TLanes : struct, ILanes<TVector>
        where TVector : unmanaged
        where TColumns : struct, IColumns
    {
        float* q = t->Squares + t->COffsets[row];
        if (TColumns.IsPartial)
            TLanes.StoreFirst(q, TLanes.MultiplyAdd(v0, v0, TLanes.LoadFirst(q, t->Columns)), t->Columns);
        else
            TLanes.Store(q, TLanes.MultiplyAdd(v0, v0, TLanes.Load(q)));
        if (TColumns.Vectors > 1)
            TLanes.Store(q + TLanes.Width, TLanes.MultiplyAdd(v1, v1, TLanes.Load(q + TLanes.Width)));
    }
}

/// <summary>C += sum and Squares += sum * sum: a gradient and the diagonal of its second moment in one pass.</summary>
internal readonly unsafe struct AddToWithSquare : ITileEpilogue
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Finish<TLanes, TVector, TColumns>(TileArguments* t, int row, TVector v0, TVector v1)
        where TLanes : struct, ILanes<TVector>
        where TVector : unmanaged
        where TColumns : struct, IColumns
    {
        AddTo.Finish<TLanes, TVector, TColumns>(t, row, v0, v1);
        AddSquare.Finish<TLanes, TVector, TColumns>(t, row, v0, v1);
    }
}
