namespace Kfac.Kernels;

/// <summary>What one <see cref="MicroTile{TLanes, TVector, TRows, TColumns, TEpilogue}"/> works on. All steps count floats.</summary>
internal unsafe struct TileArguments
{
    /// <summary>Term (g, k) of row i is A[g * AGroup + k * AStep + AOffsets[i]].</summary>
    public float* A;

    /// <summary>Term (g, k) of column j is B[g * BGroup + k * BStep + j].</summary>
    public float* B;

    /// <summary>Column j of row i of the result is C[COffsets[i] + j].</summary>
    public float* C;

    public nint AStep, BStep, AGroup, BGroup;

    /// <summary>Terms are Groups runs of Length each.</summary>
    public nint Groups, Length;

    /// <summary>So many tiles (0 is 1 too), A and C moving on by so much after each.</summary>
    public nint Repeats, ANext, CNext;

    /// <summary>So many panels (0 is 1 too), each with all repeats; B moves on by so much after each, C and Initial by a panel.</summary>
    public nint Panels, BNext;

    /// <summary>[rows]; the first is 0.</summary>
    public nint* AOffsets, COffsets;

    /// <summary>[columns] What the sums begin with; null for zero.</summary>
    public float* Initial;

    /// <summary>Columns of a partial panel.</summary>
    public int Columns;

    /// <summary>No result of <see cref="StoreClamped"/> is smaller: 0 is a ReLU, negative infinity does nothing.</summary>
    public float Floor;

    /// <summary>What <see cref="StoreScaled"/> multiplies the sums by.</summary>
    public float Scale;

    /// <summary>Read by <see cref="StoreMasked"/> at GateOffsets[i] + j; moves on with C.</summary>
    public float* Gate;

    /// <summary>[rows]</summary>
    public nint* GateOffsets;

    /// <summary>The sums of squares, laid out as C; moves on with it.</summary>
    public float* Squares;

    /// <summary>What <see cref="Prefetcher"/> asks for, so many cache lines with each group; moves on with them.</summary>
    public float* Ahead;

    public nint PrefetchedLines;

    /// <summary>[columns] Where a row of ones leaves the sums of B's terms.</summary>
    public float* SumsOfB;
}
