namespace Kfac.Kernels;

/// <summary>The operands of one <see cref="MatrixProduct"/> call; strides are floats from a stored row to the next.</summary>
internal readonly unsafe struct MatrixOperands
{
    /// <summary>Rows of C in this call, at most the planned.</summary>
    public required int M { get; init; }

    /// <summary>Terms of a sum in this call, at most the planned.</summary>
    public required int K { get; init; }

    /// <summary>[M, K], or [K, M] where transposed.</summary>
    public required float* A { get; init; }

    public required nint StrideA { get; init; }

    /// <summary>[K, N], or [N, K] where transposed.</summary>
    public required float* B { get; init; }

    public required nint StrideB { get; init; }

    /// <summary>[M, N]</summary>
    public required float* C { get; init; }

    public required nint StrideC { get; init; }

    /// <summary>[N], added to each row of C; null for none.</summary>
    public float* Bias { get; init; }

    /// <summary>Whether C is added to rather than overwritten.</summary>
    public bool Accumulate { get; init; }

    /// <summary>What the sums are multiplied by, if anything.</summary>
    public float? Scale { get; init; }

    /// <summary>Whether negative sums become 0.</summary>
    public bool Relu { get; init; }

    /// <summary>[<see cref="MatrixProduct.PackedLength"/>]; may be null where that is 0.</summary>
    public float* Packed { get; init; }
}
