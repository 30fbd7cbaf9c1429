using System.Numerics.Tensors;
using MathNet.Numerics;
using MathNet.Numerics.LinearAlgebra;
using MathNet.Numerics.LinearAlgebra.Double;
using MathNet.Numerics.LinearAlgebra.Factorization;

namespace Kfac.Curvature;

/// <summary>
/// A copy in double precision of a symmetric, positive semi-definite running average, and what is made of it by
/// MathNet.Numerics (with whatever provider the application has chosen there).
/// </summary>
internal sealed class SymmetricMatrix
{
    /// <summary>Factorisations tried, each with ten times the damping of the last.</summary>
    private const int Tries = 3;

    /// <summary>Relative rounding of the running averages, and of the arithmetic here.</summary>
    private const double SinglePrecision = 1.2e-7, DoublePrecision = 2.3e-16;

    private readonly DenseMatrix _values;

    private SymmetricMatrix(DenseMatrix values) => _values = values;

    public int Size => _values.RowCount;

    private double LargestDiagonal => _values.Diagonal().Maximum();

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

    /// <summary>power = (M + damping·I)^exponent.</summary>
    /// <param name="exponent">In [-1, 1].</param>
    /// <param name="damping">At least 0.</param>
    /// <param name="power">[Size, Size], overwritten, with finite values only.</param>
    /// <param name="cancellation">Ends it at once.</param>
    /// <returns>Null, or what had to be done, as the end of a sentence; see <see cref="Invert(double, Span{float}, CancellationToken)"/>.</returns>
    /// <exception cref="OperationCanceledException"><paramref name="cancellation"/> was cancelled.</exception>
    public string? Raise(double exponent, double damping, Span<float> power, CancellationToken cancellation)
    {
        switch (exponent)
        {
            case -1:
                return Invert(damping, power, cancellation);
            case 1:
                Store(_values + damping * DenseMatrix.CreateIdentity(Size), power);
                return null;
        }

        Matrix<double> vectors;
        double[] eigenvalues;
        try
        {
            (vectors, eigenvalues) = Abandonable(Decompose, cancellation);
        }
        catch (NonConvergenceException)
        {
            power.Clear();
            return "its eigenvectors were not found, and its layer was left as it is";
        }

        double noise = exponent < 0 ? Size * DoublePrecision * LargestDiagonal : 0, used = damping;
        if (eigenvalues.Min() + damping <= noise)
        {
            used = Math.Max(10 * damping, SinglePrecision * LargestDiagonal);
        }

        if (Store(Abandonable(() => Compose(vectors, eigenvalues, value => Math.Pow(Math.Max(value, 0) + used, exponent)), cancellation), power))
        {
            return used == damping ? null : $"a damping of {damping:G3} left it singular and was raised to {used:G3}";
        }

        power.Clear();
        return TooSmall(damping);
    }

    /// <summary>
    /// inverse = (M + damping·I)⁻¹, by Cholesky; where that fails, with a damping that rises tenfold, and at last by the
    /// eigenvalues, clipped at 0. A matrix so small that its inverse is infinite in single precision gets the inverse 0:
    /// a step along it is none.
    /// </summary>
    /// <param name="damping">At least 0.</param>
    /// <param name="inverse">[Size, Size], overwritten, with finite values only.</param>
    /// <param name="cancellation">Ends it at once.</param>
    /// <returns>Null, or what had to be done, as the end of a sentence.</returns>
    /// <exception cref="OperationCanceledException"><paramref name="cancellation"/> was cancelled.</exception>
    private string? Invert(double damping, Span<float> inverse, CancellationToken cancellation)
    {
        double tried = damping, next = damping;
        for (int i = 0; i < Tries; i++, next = Math.Max(10 * tried, SinglePrecision * LargestDiagonal))
        {
            tried = next;
            if (Abandonable(() => Cholesky(tried), cancellation) is { } factorisation && Store(Invert((DenseMatrix)factorisation.Factor, cancellation), inverse))
            {
                return i == 0 ? null : $"a damping of {damping:G3} left it singular and was raised to {tried:G3}";
            }
        }

        if (Store(Abandonable(() => InvertByEigenvalues(tried), cancellation), inverse))
        {
            return $"a damping of {damping:G3} left it singular; its eigenvalues were clipped at 0 and damped by {tried:G3}";
        }

        inverse.Clear();
        return TooSmall(damping);
    }

    /// <summary>Its orthonormal eigenvectors, as columns of <paramref name="vectors"/> [Size, Size], and eigenvalues, clipped at 0.</summary>
    /// <param name="vectors">[Size, Size], overwritten.</param>
    /// <param name="cancellation">Ends it at once.</param>
    /// <exception cref="NonConvergenceException">The iteration does not end.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellation"/> was cancelled.</exception>
    public double[] Decompose(Span<float> vectors, CancellationToken cancellation)
    {
        (Matrix<double> columns, double[] values) = Abandonable(Decompose, cancellation);
        Store(columns, vectors);
        return [.. values.Select(value => Math.Max(value, 0))];
    }

    private static string TooSmall(double damping) => $"with a damping of {damping:G3} it is too small to be inverted, and its layer was left as it is";

    /// <summary>MathNet's factorisations cannot be interrupted: where they may be cancelled, they run on a thread that is then left to itself.</summary>
    private static T Abandonable<T>(Func<T> factorise, CancellationToken cancellation)
    {
        if (!cancellation.CanBeCanceled)
        {
            return factorise();
        }

        Task<T> task = Task.Factory.StartNew(factorise, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        Task.WaitAny([task], cancellation);
        return task.GetAwaiter().GetResult();
    }

    private Matrix<double> InvertByEigenvalues(double damping)
    {
        (Matrix<double> vectors, double[] eigenvalues) = Decompose();
        return Compose(vectors, eigenvalues, value => 1 / (Math.Max(value, 0) + damping));
    }

    /// <summary>Q f(S) Qᵀ.</summary>
    private static Matrix<double> Compose(Matrix<double> vectors, double[] eigenvalues, Func<double, double> function) =>
        vectors * DenseMatrix.CreateDiagonal(eigenvalues.Length, eigenvalues.Length, i => function(eigenvalues[i])) * vectors.Transpose();

    private (Matrix<double> Vectors, double[] Values) Decompose()
    {
        Evd<double> decomposition = _values.Evd(Symmetricity.Symmetric);
        return (decomposition.EigenVectors, [.. decomposition.EigenValues.Select(value => value.Real)]);
    }

    /// <returns>Null where M + damping·I is not positive definite in floating point, or its smallest pivot is rounding alone.</returns>
    private Cholesky<double>? Cholesky(double damping)
    {
        var damped = (DenseMatrix)_values.Clone();
        for (int i = 0; i < Size; i++)
        {
            damped.At(i, i, damped.At(i, i) + damping);
        }

        try
        {
            Cholesky<double> factorisation = damped.Cholesky();
            double smallest = factorisation.Factor.Diagonal().Minimum();
            return smallest * smallest > Size * DoublePrecision * (LargestDiagonal + damping) ? factorisation : null;
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    /// <summary>
    /// (L Lᵀ)⁻¹ = Xᵀ X with X = L⁻¹, of lower triangular L: rows of vectors that know of the zeros, where MathNet would solve
    /// for the identity a column at a time.
    /// </summary>
    private static DenseMatrix Invert(DenseMatrix factor, CancellationToken cancellation)
    {
        int size = factor.RowCount;
        var x = new double[size * size];
        var inverse = new double[size * size];
        for (int row = 0; row < size; row++)
        {
            cancellation.ThrowIfCancellationRequested();
            Span<double> target = x.AsSpan(row * size, row + 1);
            target[row] = 1;
            for (int k = 0; k < row; k++)
            {
                AddMultiple(-factor.At(row, k), x.AsSpan(k * size, k + 1), target);
            }

            TensorPrimitives.Divide(target, factor.At(row, row), target);
            for (int column = 0; column <= row; column++)
            {
                AddMultiple(target[column], target[..(column + 1)], inverse.AsSpan(column * size));
            }
        }

        for (int row = 0; row < size; row++)
        {
            for (int column = 0; column < row; column++)
            {
                inverse[column * size + row] = inverse[row * size + column];
            }
        }

        return new DenseMatrix(size, size, inverse);
    }

    /// <summary>sum += multiple · x</summary>
    private static void AddMultiple(double multiple, ReadOnlySpan<double> x, Span<double> sum) =>
        TensorPrimitives.MultiplyAdd(x, multiple, sum[..x.Length], sum[..x.Length]);

    /// <returns>Whether every value is finite in single precision.</returns>
    private static bool Store(Matrix<double> matrix, Span<float> destination)
    {
        bool finite = true;
        int size = matrix.RowCount;
        for (int row = 0; row < size; row++)
        {
            for (int column = 0; column < size; column++)
            {
                float value = (float)matrix.At(row, column);
                destination[row * size + column] = value;
                finite &= float.IsFinite(value);
            }
        }

        return finite;
    }
}
