using MathNet.Numerics.LinearAlgebra;
using MathNet.Numerics.LinearAlgebra.Double;

namespace Kfac.Tests.Oracles;

/// <summary>What the tests of curvature ask of small matrices in double precision.</summary>
internal static class Matrices
{
    /// <summary>The matrix whose column i is <paramref name="apply"/> of the unit vector e_i.</summary>
    public static DenseMatrix Of(int size, Func<float[], float[]> apply)
    {
        var matrix = new DenseMatrix(size);
        for (int i = 0; i < size; i++)
        {
            var unit = new float[size];
            unit[i] = 1;
            matrix.SetColumn(i, Array.ConvertAll(apply(unit), v => (double)v));
        }

        return matrix;
    }

    /// <summary>Five times X = 3.4445 X - 4.775 X(XᵀX) + 2.0315 X(XᵀX)², from M/‖M‖.</summary>
    public static Matrix<double> Orthogonalize(Matrix<double> matrix)
    {
        Matrix<double> x = matrix / matrix.FrobeniusNorm();
        for (int step = 0; step < 5; step++)
        {
            Matrix<double> cubed = x * x.TransposeThisAndMultiply(x), fifth = cubed * x.TransposeThisAndMultiply(x);
            x = 3.4445 * x - 4.775 * cubed + 2.0315 * fifth;
        }

        return x;
    }

    /// <summary>matrix + λI.</summary>
    public static Matrix<double> Damped(this Matrix<double> matrix, double damping) => matrix + DenseMatrix.CreateDiagonal(matrix.RowCount, matrix.RowCount, damping);

    /// <summary>The matrix without what lies off its diagonal.</summary>
    public static Matrix<double> DiagonalPart(this Matrix<double> matrix) => DenseMatrix.OfDiagonalVector(matrix.Diagonal());

    /// <summary>Frobenius norm of the difference, as a part of that of <paramref name="expected"/>.</summary>
    public static double RelativeError(Matrix<double> expected, Matrix<double> actual) => (expected - actual).FrobeniusNorm() / expected.FrobeniusNorm();

    /// <summary>Asserts that the relative error in the Frobenius norm is at most <paramref name="tolerance"/>.</summary>
    public static void AssertClose(Matrix<double> expected, Matrix<double> actual, double tolerance, string what = "") =>
        Assert.IsLessThan(tolerance, RelativeError(expected, actual), $"{what}: relative error in the Frobenius norm");
}
