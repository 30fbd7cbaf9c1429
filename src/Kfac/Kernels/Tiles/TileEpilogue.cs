using System.Runtime.CompilerServices;

namespace Kfac.Kernels;

/// <summary>What becomes of the sums of a micro-tile.</summary>
internal unsafe interface ITileEpilogue
{
    /// <summary>Takes row <paramref name="row"/>, one vector of columns or two.</summary>
    /// <param name="t">The tile's arguments.</param>
    /// <param name="c">C of the tile.</param>
    /// <param name="at">From there to the row.</param>
    /// <param name="row">Its number.</param>
    /// <param name="v0">The first vector.</param>
    /// <param name="v1">The second, or nothing.</param>
    static abstract void Finish<TLanes, TVector, TColumns>(TileArguments* t, float* c, nint at, int row, TVector v0, TVector v1)
        where TLanes : struct, ILanes<TVector>
        where TVector : unmanaged
        where TColumns : struct, IColumns;
}

/// <summary>C = sum</summary>
internal readonly unsafe struct Store : ITileEpilogue
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Finish<TLanes, TVector, TColumns>(TileArguments* t, float* c, nint at, int row, TVector v0, TVector v1)
        where TLanes : struct, ILanes<TVector>
        where TVector : unmanaged
        where TColumns : struct, IColumns
    {
        TColumns.Store<TLanes, TVector>(c + at, v0, t->Columns);
        if (TColumns.Vectors > 1)
            TLanes.Store(c + at + TLanes.Width, v1);
    }
}

/// <summary>C = max(floor, sum)</summary>
internal readonly unsafe struct StoreClamped : ITileEpilogue
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Finish<TLanes, TVector, TColumns>(TileArguments* t, float* c, nint at, int row, TVector v0, TVector v1)
        where TLanes : struct, ILanes<TVector>
        where TVector : unmanaged
        where TColumns : struct, IColumns
    {
        TVector floor = TLanes.Broadcast(t->Floor);
        Store.Finish<TLanes, TVector, TColumns>(t, c, at, row, TLanes.Max(floor, v0), TColumns.Vectors > 1 ? TLanes.Max(floor, v1) : v1);
    }
}

/// <summary>C = scale * sum</summary>
internal readonly unsafe struct StoreScaled : ITileEpilogue
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Finish<TLanes, TVector, TColumns>(TileArguments* t, float* c, nint at, int row, TVector v0, TVector v1)
        where TLanes : struct, ILanes<TVector>
        where TVector : unmanaged
        where TColumns : struct, IColumns
    {
        TVector scale = TLanes.Broadcast(t->Scale);
        Store.Finish<TLanes, TVector, TColumns>(t, c, at, row, TLanes.Multiply(scale, v0), TColumns.Vectors > 1 ? TLanes.Multiply(scale, v1) : v1);
    }
}

/// <summary>C = gate &gt; 0 ? sum : 0</summary>
internal readonly unsafe struct StoreMasked : ITileEpilogue
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Finish<TLanes, TVector, TColumns>(TileArguments* t, float* c, nint at, int row, TVector v0, TVector v1)
        where TLanes : struct, ILanes<TVector>
        where TVector : unmanaged
        where TColumns : struct, IColumns
    {
        float* gate = t->Gate + (c - t->C) + t->GateOffsets[row];
        v0 = TLanes.WherePositive(TColumns.Load<TLanes, TVector>(gate, t->Columns), v0);
        Store.Finish<TLanes, TVector, TColumns>(t, c, at, row, v0, TColumns.Vectors > 1 ? TLanes.WherePositive(TLanes.Load(gate + TLanes.Width), v1) : v1);
    }
}

/// <summary>C += sum</summary>
internal readonly unsafe struct Accumulate : ITileEpilogue
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Finish<TLanes, TVector, TColumns>(TileArguments* t, float* c, nint at, int row, TVector v0, TVector v1)
        where TLanes : struct, ILanes<TVector>
        where TVector : unmanaged
        where TColumns : struct, IColumns
    {
        float* to = c + at;
        TColumns.Store<TLanes, TVector>(to, TLanes.Add(TColumns.Load<TLanes, TVector>(to, t->Columns), v0), t->Columns);
        if (TColumns.Vectors > 1)
            TLanes.Store(to + TLanes.Width, TLanes.Add(TLanes.Load(to + TLanes.Width), v1));
    }
}

/// <summary>Squares += sum * sum</summary>
internal readonly unsafe struct AccumulateSquare : ITileEpilogue
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Finish<TLanes, TVector, TColumns>(TileArguments* t, float* c, nint at, int row, TVector v0, TVector v1)
        where TLanes : struct, ILanes<TVector>
        where TVector : unmanaged
        where TColumns : struct, IColumns
    {
        float* to = t->Squares + (c - t->C) + at;
        TColumns.Store<TLanes, TVector>(to, TLanes.MultiplyAdd(v0, v0, TColumns.Load<TLanes, TVector>(to, t->Columns)), t->Columns);
        if (TColumns.Vectors > 1)
            TLanes.Store(to + TLanes.Width, TLanes.MultiplyAdd(v1, v1, TLanes.Load(to + TLanes.Width)));
    }
}

/// <summary>C += sum and Squares += sum * sum: a gradient and the diagonal of its second moment in one pass.</summary>
internal readonly unsafe struct AccumulateWithSquare : ITileEpilogue
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Finish<TLanes, TVector, TColumns>(TileArguments* t, float* c, nint at, int row, TVector v0, TVector v1)
        where TLanes : struct, ILanes<TVector>
        where TVector : unmanaged
        where TColumns : struct, IColumns
    {
        Accumulate.Finish<TLanes, TVector, TColumns>(t, c, at, row, v0, v1);
        AccumulateSquare.Finish<TLanes, TVector, TColumns>(t, c, at, row, v0, v1);
    }
}
