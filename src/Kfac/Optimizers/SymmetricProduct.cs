using Kfac.Kernels;
using Kfac.Parallel;

namespace Kfac.Optimizers;

/// <summary>Products [side, side] that are symmetric: what lies below the diagonal is computed, and copied above it.</summary>
internal sealed unsafe class SymmetricProduct
{
    /// <summary>Rows that are copied at a time.</summary>
    private const int RowsOfUnit = 64;

    private readonly MatrixProduct _product;
    private readonly LaneKernels _lanes = LaneKernels.For(InstructionSets.Current);
    private readonly AlignedBuffer _packed, _transposed;
    private readonly WorkerAction _pack, _multiply, _copyAbove;
    private MatrixOperands _operands;

    /// <param name="side">Rows and columns of the result.</param>
    /// <param name="terms">Terms of a sum.</param>
    /// <param name="transposeLeft">Whether the left operand comes as [terms, side].</param>
    /// <param name="transposeRight">Whether the right operand comes as [side, terms].</param>
    public SymmetricProduct(int side, int terms, bool transposeLeft = false, bool transposeRight = false)
    {
        _product = new MatrixProduct(side, side, terms, transposeA: transposeLeft, transposeB: transposeRight, lowerOnly: true);
        (_packed, _transposed) = (new AlignedBuffer(_product.PackedLength), new AlignedBuffer(side * side));
        _pack = (unit, _) => _product.Pack(unit, _operands);
        _multiply = (unit, _) => _product.Multiply(unit, _operands);
        _copyAbove = (unit, _) => CopyAbove(unit * RowsOfUnit, Math.Min((unit + 1) * RowsOfUnit, side));
    }

    /// <summary>result = left · right, of which the caller knows that it is symmetric.</summary>
    /// <param name="workers">Who does it; null for the calling thread alone.</param>
    /// <param name="left">As planned.</param>
    /// <param name="leftStride">Floats from a stored row to the next.</param>
    /// <param name="right">As planned.</param>
    /// <param name="rightStride">Floats from a stored row to the next.</param>
    /// <param name="result">[side, side], neither left nor right.</param>
    public void Run(Workers? workers, float* left, int leftStride, float* right, int rightStride, float* result)
    {
        _operands = new MatrixOperands
        {
            M = _product.M,
            K = _product.K,
            A = left,
            StrideA = leftStride,
            B = right,
            StrideB = rightStride,
            C = result,
            StrideC = _product.N,
            Packed = _packed.Pointer,
        };
        Run(workers, _product.PackUnits, _pack);
        Run(workers, _product.Units, _multiply);
        Run(workers, (_product.M + RowsOfUnit - 1) / RowsOfUnit, _copyAbove);
    }

    private static void Run(Workers? workers, int units, WorkerAction action)
    {
        if (workers is not null)
        {
            workers.Run(units, action);
            return;
        }

        for (int unit = 0; unit < units; unit++)
        {
            action(unit, 0);
        }
    }

    /// <summary>Some rows of what lies above the diagonal, from the columns below it.</summary>
    private void CopyAbove(int first, int end)
    {
        int side = _product.M, below = side - first;
        float* corner = _operands.C + ((nint)first * (side + 1)), transposed = _transposed.Pointer + ((nint)first * side);
        _lanes.Pack(corner, side, 1, below, end - first, below, square: false, transposed);
        for (int row = 0; row < end - first; row++)
        {
            new Span<float>(transposed + ((nint)row * below) + row + 1, below - row - 1).CopyTo(new Span<float>(corner + ((nint)row * (side + 1)) + 1, below - row - 1));
        }
    }
}
