using Kfac.Kernels;
using Kfac.Parallel;

namespace Kfac.Layers;

/// <summary>A planned matrix product with its packed operands, run by all workers, or by the calling thread where none are given.</summary>
internal sealed unsafe class BatchProduct
{
    private readonly MatrixProduct _product;
    private readonly AlignedBuffer _packed;
    private readonly WorkerAction _pack;
    private readonly WorkerAction _multiply;
    private MatrixOperands _operands;

    public BatchProduct(MatrixProduct product)
    {
        _product = product;
        _packed = new AlignedBuffer(product.PackedLength);
        _pack = (unit, _) => _product.Pack(unit, _operands);
        _multiply = (unit, _) => _product.Multiply(unit, _operands);
    }

    public void Run(Workers? workers, MatrixOperands operands)
    {
        _operands = operands with { Packed = _packed.Pointer };
        Workers.Run(workers, _product.PackUnits, _pack);
        Workers.Run(workers, _product.Units, _multiply);
    }

    /// <summary>result [rows, N] = left · right over <paramref name="terms"/> terms, transposed and squared as planned; or result += that.</summary>
    public void Run(Workers? workers, int rows, int terms, float* left, int leftStride, float* right, int rightStride, float* result, int resultStride, bool accumulate = false) =>
        Run(workers, new MatrixOperands
        {
            M = rows,
            K = terms,
            A = left,
            StrideA = leftStride,
            B = right,
            StrideB = rightStride,
            C = result,
            StrideC = resultStride,
            Accumulate = accumulate,
        });
}
