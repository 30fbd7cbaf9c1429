using MathNet.Numerics;
using MathNet.Numerics.LinearAlgebra;
using MathNet.Numerics.LinearAlgebra.Double;
using MathNet.Numerics.LinearAlgebra.Factorization;

namespace Kfac.Fisher;

/// <summary>
/// A copy in double precision of a symmetric, positive semi-definite running average, and what is made of it by
/// MathNet.Numerics (with whatever provider the application has chosen there).
/// </summary>
internal sealed class SymmetricMatrix
{
    /// <summary>Factorisations tried, each with ten times the damping of the last.</summary>
    private const int Tries = 3;

    private readonly DenseMatrix _values;

    private SymmetricMatrix(DenseMatrix values) => _values = values;

    public int Size => _values.RowCount;

    /// <summary>The current value of <paramref name="factor"/>, which holds a matrix of <paramref name="size"/> rows.</summary>
    public static SymmetricMatrix Of(FisherFactor factor, int size)
    {
        factor.RequireValue();
        ReadOnlySpan<float> sum = factor.Sum;
        double weight = factor.Weight;
        var values = new double[size * size];
        for (int row = 0; row < size; row++)
        {
            for (int column = 0; column <= row; column++)
            {
                values[row * size + column] = values[column * size + row] = sum[row * size + column] / weight;
            }
        }

        return new SymmetricMatrix(new DenseMatrix(size, size, values));
    }

    /// <summary>
    /// inverse = (M + damping·I)⁻¹, by Cholesky; where that fails, with a damping that rises tenfold, and at last by the
    /// eigenvalues, clipped at 0.
    /// </summary>
    /// <param name="damping">At least 0.</param>
    /// <param name="inverse">[Size, Size], overwritten.</param>
    /// <returns>Null, or what had to be done, as the end of a sentence.</returns>
    public string? Invert(double damping, Span<float> inverse)
    {
        double tried = damping;
        for (int i = 0; i < Tries; i++, tried *= 10)
        {
            if (Cholesky(tried) is { } factorisation)
            {
                Store(factorisation.Solve(DenseMatrix.CreateIdentity(Size)), inverse);
                return i == 0 ? null : $"a damping of {damping:G3} left it indefinite and was raised to {tried:G3}";
            }
        }

        (Matrix<double> vectors, double[] eigenvalues) = Decompose();
        double floor = Math.Max(tried / 10, double.Epsilon);
        double[] inverses = [.. eigenvalues.Select(value => 1 / (Math.Max(value, 0) + floor))];
        Store(vectors * DenseMatrix.CreateDiagonal(Size, Size, i => inverses[i]) * vectors.Transpose(), inverse);
        return $"a damping of {damping:G3} left it indefinite; its eigenvalues were clipped at 0 and damped by {floor:G3}";
    }

    /// <summary>Its orthonormal eigenvectors, as columns of <paramref name="vectors"/> [Size, Size], and eigenvalues, clipped at 0.</summary>
    /// <exception cref="NonConvergenceException">The iteration does not end.</exception>
    public double[] Decompose(Span<float> vectors)
    {
        (Matrix<double> columns, double[] values) = Decompose();
        Store(columns, vectors);
        return [.. values.Select(value => Math.Max(value, 0))];
    }

    private (Matrix<double> Vectors, double[] Values) Decompose()
    {
        Evd<double> decomposition = _values.Evd(Symmetricity.Symmetric);
        return (decomposition.EigenVectors, [.. decomposition.EigenValues.Select(value => value.Real)]);
    }

    /// <returns>Null where M + damping·I is not positive definite in floating point.</returns>
    private Cholesky<double>? Cholesky(double damping)
    {
        var damped = (DenseMatrix)_values.Clone();
        for (int i = 0; i < Size; i++)
        {
            damped.At(i, i, damped.At(i, i) + damping);
        }

        try
        {
            return damped.Cholesky();
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    private static void Store(Matrix<double> matrix, Span<float> destination)
    {
        int size = matrix.RowCount;
        for (int row = 0; row < size; row++)
        {
            for (int column = 0; column < size; column++)
            {
                destination[row * size + column] = (float)matrix.At(row, column);
            }
        }
    }
}
