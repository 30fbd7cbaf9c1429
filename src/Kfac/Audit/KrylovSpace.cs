using System.Numerics.Tensors;
using MathNet.Numerics.LinearAlgebra;
using MathNet.Numerics.LinearAlgebra.Double;

namespace Kfac.Audit;

/// <summary>
/// span{v, F v, F² v, …} with an orthonormal basis Q (Lanczos 1950, every vector made orthogonal to all before it) and F
/// seen in it, H = Qᵀ F Q. One such space gives the conjugate-gradient solution of (F + λI) x = v for every λ at once,
/// x = Q (H + λI)⁻¹ Qᵀ v, and estimates of F's extreme eigenvalues.
/// </summary>
internal sealed class KrylovSpace
{
    /// <summary>What is left of F q outside the space, relative to F q, when the space is taken to be whole.</summary>
    private const double Whole = 1e-4;

    private readonly List<float[]> _basis = [];
    private readonly Matrix<double> _vectors;
    private readonly double[] _eigenvalues;
    private readonly double _length;
    private readonly double _beyond;

    /// <param name="multiply">result = F v.</param>
    /// <param name="start">v, not 0.</param>
    /// <param name="damping">The least λ there will be.</param>
    /// <param name="tolerance">The space grows until the residual for that λ is at most this part of ‖v‖.</param>
    /// <param name="maxSteps">Most products with F.</param>
    public KrylovSpace(Action<float[], float[]> multiply, ReadOnlySpan<float> start, double damping, double tolerance, int maxSteps)
    {
        _length = TensorPrimitives.Norm(start);
        var next = new float[start.Length];
        TensorPrimitives.Divide(start, (float)_length, next);
        var projection = new DenseMatrix(maxSteps);
        var product = new float[start.Length];
        while (true)
        {
            int k = _basis.Count;
            _basis.Add(next);
            multiply(next, product);
            if (k == 0)
            {
                Product = product.Select(value => value * (float)_length).ToArray();
            }

            float before = TensorPrimitives.Norm<float>(product);
            for (int pass = 0; pass < 2; pass++)
            {
                for (int i = 0; i <= k; i++)
                {
                    float part = TensorPrimitives.Dot<float>(_basis[i], product);
                    projection[i, k] += part;
                    TensorPrimitives.MultiplyAdd(_basis[i], -part, product, product);
                }
            }

            _beyond = TensorPrimitives.Norm<float>(product);
            Matrix<double> square = projection.SubMatrix(0, k + 1, 0, k + 1);
            // F is symmetric, and so is H: what lies below the diagonal was never taken down.
            square = square.UpperTriangle() + square.StrictlyUpperTriangle().Transpose();
            var decomposition = square.Evd(Symmetricity.Symmetric);
            _vectors = decomposition.EigenVectors;
            _eigenvalues = [.. decomposition.EigenValues.Select(value => Math.Max(value.Real, 0))];
            if (k + 1 == Math.Min(maxSteps, start.Length) || _beyond <= Whole * before || RelativeResidual(damping) <= tolerance)
            {
                return;
            }

            next = new float[start.Length];
            TensorPrimitives.Divide(product, (float)_beyond, next);
        }
    }

    /// <summary>F v.</summary>
    public float[] Product { get; } = [];

    /// <summary>An estimate of F's largest eigenvalue, from below.</summary>
    public double LargestEigenvalue => _eigenvalues.Max();

    /// <summary>An estimate of F's smallest eigenvalue, from above.</summary>
    public double SmallestEigenvalue => _eigenvalues.Min();

    /// <summary>‖v - (F + λI) x‖ / ‖v‖ of <see cref="Solve"/>.</summary>
    public double RelativeResidual(double damping)
    {
        double[] coefficients = Coefficients(damping);
        return _beyond * Math.Abs(coefficients[^1]);
    }

    /// <summary>(F + λI)⁻¹ v.</summary>
    public float[] Solve(double damping)
    {
        var solution = new float[_basis[0].Length];
        double[] coefficients = Coefficients(damping);
        for (int i = 0; i < _basis.Count; i++)
        {
            TensorPrimitives.MultiplyAdd(_basis[i], (float)(coefficients[i] * _length), solution, solution);
        }

        return solution;
    }

    /// <summary>(H + λI)⁻¹ e_0, the eigenvalues of H clipped at 0.</summary>
    private double[] Coefficients(double damping)
    {
        var inBasis = Vector<double>.Build.Dense(_eigenvalues.Length, i => _vectors[0, i] / (_eigenvalues[i] + damping));
        return [.. _vectors * inBasis];
    }
}
