using Kfac.Kernels;
using Kfac.Layers;
using Kfac.Parallel;

namespace Kfac.Optimizers;

/// <summary>Products [side, side] that are symmetric: what lies below the diagonal is computed, and copied above it.</summary>
internal sealed unsafe class SymmetricProduct
{
    /// <summary>Rows that are copied at a time.</summary>
    private const int RowsOfUnit = 64;

    private readonly int _side, _terms;
    private readonly BatchProduct _below;
    private readonly LaneKernels _lanes = LaneKernels.For(InstructionSets.Current);
    private readonly AlignedBuffer _transposed;
    private readonly WorkerAction _copyAbove;
    private float* _result;

    /// <param name="side">Rows and columns of the result.</param>
    /// <param name="terms">Terms of a sum.</param>
    /// <param name="transposeLeft">Whether the left operand comes as [terms, side].</param>
    /// <param name="transposeRight">Whether the right operand comes as [side, terms].</param>
    public SymmetricProduct(int side, int terms, bool transposeLeft = false, bool transposeRight = false)
    {
        (_side, _terms) = (side, terms);
        _below = new BatchProduct(new MatrixProduct(side, side, terms, transposeA: transposeLeft, transposeB: transposeRight, lowerOnly: true));
        _transposed = new AlignedBuffer(side * side);
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
        _result = result;
        _below.Run(workers, _side, _terms, left, leftStride, right, rightStride, result, _side);
        Workers.Run(workers, (_side + RowsOfUnit - 1) / RowsOfUnit, _copyAbove);
    }

    /// <summary>Some rows of what lies above the diagonal, from the columns below it.</summary>
    private void CopyAbove(int first, int end)
    {
        int below = _side - first;
        float* corner = _result + ((nint)first * (_side + 1)), transposed = _transposed.Pointer + ((nint)first * _side);
        _lanes.Pack(corner, _side, 1, below, end - first, below, square: false, transposed);
        for (int row = 0; row < end - first; row++)
        {
            new Span<float>(transposed + ((nint)row * below) + row + 1, below - row - 1).CopyTo(new Span<float>(corner + ((nint)row * (_side + 1)) + 1, below - row - 1));
        }
    }
}
