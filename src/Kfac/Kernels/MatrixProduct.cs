using System.Diagnostics;

namespace Kfac.Kernels;

/// <summary>
/// C[M, N] = f(op(A))[M, K] g(op(B))[K, N], plus a bias row or plus C itself; op transposes, f and g square the elements, as planned.
/// Planned once for the largest M, N and K; M and K may be smaller in a call (a last, smaller batch). A call is a number of units,
/// each on one thread: first all of <see cref="Pack"/>, then, after a barrier, all of <see cref="Multiply"/>.
/// Every element of C belongs to one unit and is summed in one order, so its bits do not depend on who runs which unit.
/// </summary>
internal sealed unsafe class MatrixProduct
{
    private readonly bool _transposeA, _transposeB, _squareA, _squareB;

    public MatrixProduct(int m, int n, int k, bool transposeA = false, bool transposeB = false,
        bool squareA = false, bool squareB = false, InstructionSet? isa = null)
    {
        (M, N, K) = (m, n, k);
        (_transposeA, _transposeB, _squareA, _squareB) = (transposeA, transposeB, squareA, squareB);
        InstructionSet = isa ?? InstructionSets.Current;
    }

    /// <summary>Rows of C, at most.</summary>
    public int M { get; }

    /// <summary>Columns of C.</summary>
    public int N { get; }

    /// <summary>Terms of a sum, at most.</summary>
    public int K { get; }

    public InstructionSet InstructionSet { get; }

    /// <summary>Floats of packed operands, shared by all workers.</summary>
    public int PackedLength => 0;

    /// <summary>Units of <see cref="Pack"/>; may be 0.</summary>
    public int PackUnits => 0;

    /// <summary>Units of <see cref="Multiply"/>.</summary>
    public int Units => 1;

    /// <summary>Packs one part of the operands.</summary>
    public void Pack(int unit, in MatrixOperands o) => Debug.Assert(unit < PackUnits);

    /// <summary>Computes one part of C.</summary>
    public void Multiply(int unit, in MatrixOperands o)
    {
        Debug.Assert(unit < Units && o.M <= M && o.K <= K);
        for (int i = 0; i < o.M; i++)
            for (int j = 0; j < N; j++)
            {
                float sum = o.Bias == null ? 0f : o.Bias[j];
                if (o.Accumulate)
                    sum += o.C[(i * o.StrideC) + j];
                for (int p = 0; p < o.K; p++)
                {
                    float a = _transposeA ? o.A[(p * o.StrideA) + i] : o.A[(i * o.StrideA) + p];
                    float b = _transposeB ? o.B[(j * o.StrideB) + p] : o.B[(p * o.StrideB) + j];
                    sum += (_squareA ? a * a : a) * (_squareB ? b * b : b);
                }
                o.C[(i * o.StrideC) + j] = o.Relu ? Math.Max(sum, 0f) : sum;
            }
    }
}

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

    /// <summary>Whether negative sums become 0.</summary>
    public bool Relu { get; init; }

    /// <summary>[<see cref="MatrixProduct.PackedLength"/>]; may be null where that is 0.</summary>
    public float* Packed { get; init; }
}
