using System.Numerics.Tensors;
using Kfac.Kernels;
using Kfac.Layers;
using Kfac.Parallel;

namespace Kfac.Optimizers;

/// <summary>
/// Orthogonalises matrices of one shape: of M = U Σ Vᵀ it makes nearly U Vᵀ, by Steps times X ← a·X + b·X(XᵀX) + c·X(XᵀX)²
/// from X = M/‖M‖, with the coefficients of Jordan et al. 2024. They bring every singular value that is not tiny close to 1
/// (0.7 … 1.2) rather than to 1, which takes fewer steps.
/// </summary>
/// <remarks>
/// All of it is done on the smaller side's Gram matrix G = XᵀX (or XXᵀ where M is wide): a step multiplies X by the
/// polynomial P = a·I + b·G + c·G², and G by it from both sides, and the polynomials' product meets M once, at the end.
/// </remarks>
internal sealed unsafe class NewtonSchulz
{
    private const int Steps = 5;

    /// <summary>Products [side, side]: one of the first step, four of each other.</summary>
    private const int Products = 1 + 4 * (Steps - 1);

    private const float A = 3.4445f, B = -4.7750f, C = 2.0315f;

    /// <summary>From this smaller side on a matrix has enough work for all workers.</summary>
    private const int LargeSide = 192;

    private readonly int _rows, _columns, _side;
    private readonly BatchProduct _application;
    private readonly SymmetricProduct _gramProduct, _product;
    private AlignedBuffer _gram, _polynomial, _all, _spare;
    private double _squaredNorm;

    public NewtonSchulz(int rows, int columns)
    {
        (_rows, _columns, _side) = (rows, columns, Math.Min(rows, columns));
        _gramProduct = new SymmetricProduct(_side, LongerSide, transposeLeft: IsTall, transposeRight: !IsTall);
        _product = new SymmetricProduct(_side, _side);
        _application = new BatchProduct(new MatrixProduct(rows, columns, _side));
        int length = _side * _side;
        (_gram, _polynomial, _all, _spare) = (new(length), new(length), new(length), new(length));
    }

    /// <summary>The larger of rows and columns.</summary>
    public int LongerSide => Math.Max(_rows, _columns);

    /// <summary>Whether <see cref="Iterate"/> is for all workers, not for one of them beside other matrices.</summary>
    public bool IsLarge => _side >= LargeSide;

    /// <summary>Multiply-adds of it all: half of G and of the other products, and all of the last one, with M.</summary>
    public long MultiplyAdds => (long)_side * _side * (3L * LongerSide + Products * _side) / 2;

    private bool IsTall => _rows >= _columns;

    /// <summary>First, by all workers: G of <paramref name="matrix"/> [rows, columns].</summary>
    public void FormGram(Workers workers, float* matrix)
    {
        _gramProduct.Run(workers, matrix, _columns, matrix, _columns, _gram.Pointer);
        _squaredNorm = Trace(_gram);
    }

    /// <summary>Then the product of all P.</summary>
    /// <param name="workers">Who does it; null for the calling thread alone, as matrices of other shapes can be done at the same time.</param>
    /// <param name="cancellation">Ends it between two steps.</param>
    public void Iterate(Workers? workers, CancellationToken cancellation)
    {
        Scale(_gram, _squaredNorm > 0 ? 1 / _squaredNorm : 0);
        FormPolynomial(workers);
        _polynomial.Span.CopyTo(_all.Span);
        for (int step = 1; step < Steps; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            Multiply(workers, _gram, _polynomial, ref _gram);
            Multiply(workers, _polynomial, _gram, ref _gram);
            FormPolynomial(workers);
            Multiply(workers, _all, _polynomial, ref _all);
        }
    }

    /// <summary>At last, by all workers: target += factor · the orthogonalised matrix; nothing where the matrix is zero.</summary>
    /// <param name="workers">Who does it.</param>
    /// <param name="matrix">[rows, columns], as <see cref="FormGram"/> had it.</param>
    /// <param name="factor">Multiplies what is added.</param>
    /// <param name="target">[rows, columns]</param>
    public void AddTo(Workers workers, float* matrix, double factor, float* target)
    {
        Scale(_all, _squaredNorm > 0 ? factor / Math.Sqrt(_squaredNorm) : 0);
        if (IsTall)
        {
            _application.Run(workers, _rows, _side, matrix, _columns, _all.Pointer, _side, target, _columns, accumulate: true);
        }
        else
        {
            _application.Run(workers, _rows, _side, _all.Pointer, _side, matrix, _columns, target, _columns, accumulate: true);
        }
    }

    /// <summary>P = a·I + b·G + c·G².</summary>
    private void FormPolynomial(Workers? workers)
    {
        Multiply(workers, _gram, _gram, ref _polynomial);
        Scale(_polynomial, C);
        Span<float> polynomial = _polynomial.Span;
        TensorPrimitives.MultiplyAdd(_gram.Span, B, polynomial, polynomial);
        for (int i = 0; i < _side; i++)
        {
            polynomial[i * (_side + 1)] += A;
        }
    }

    /// <summary>result = left · right, all polynomials of one symmetric matrix [side, side]; result may be one of them.</summary>
    private void Multiply(Workers? workers, AlignedBuffer left, AlignedBuffer right, ref AlignedBuffer result)
    {
        _product.Run(workers, left.Pointer, _side, right.Pointer, _side, _spare.Pointer);
        (result, _spare) = (_spare, result);
    }

    private double Trace(AlignedBuffer matrix)
    {
        double trace = 0;
        for (int i = 0; i < _side; i++)
        {
            trace += matrix.Span[i * (_side + 1)];
        }

        return trace;
    }

    private static void Scale(AlignedBuffer values, double factor) => TensorPrimitives.Multiply(values.Span, (float)factor, values.Span);
}
