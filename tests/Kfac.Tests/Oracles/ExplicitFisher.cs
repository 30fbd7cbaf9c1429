using MathNet.Numerics.LinearAlgebra;
using MathNet.Numerics.LinearAlgebra.Double;

namespace Kfac.Tests.Oracles;

/// <summary>
/// The Fisher of a network's softmax by its definition, in double precision: F = (1/N) sum_n J_nᵀ (diag p - p pᵀ) J_n, with
/// J_n [classes, D] the derivative of the class scores by central differences.
/// </summary>
internal static class ExplicitFisher
{
    private const double Step = 1e-5;

    /// <summary>The block [D, D] of the parameters numbered <paramref name="parameters"/>, one behind the other.</summary>
    public static Matrix<double> Of(NaiveNetwork network, double[][] images, params int[] parameters)
    {
        Matrix<double> fisher = DenseMatrix.Create(1, 1, 0);
        foreach (double[] image in images)
        {
            Matrix<double> jacobian = Jacobian(network, image, parameters);
            Vector<double> p = Probabilities(network.Scores(image));
            Matrix<double> softmax = DenseMatrix.OfDiagonalVector(p) - p.OuterProduct(p);
            Matrix<double> term = jacobian.TransposeThisAndMultiply(softmax * jacobian) / images.Length;
            fisher = fisher.RowCount == term.RowCount ? fisher + term : term;
        }

        return fisher;
    }

    /// <summary>softmax(scores).</summary>
    public static Vector<double> Probabilities(double[] scores)
    {
        Vector<double> exponentials = DenseVector.OfEnumerable(scores.Select(score => Math.Exp(score - scores.Max())));
        return exponentials / exponentials.Sum();
    }

    private static Matrix<double> Jacobian(NaiveNetwork network, double[] image, int[] parameters)
    {
        var columns = new List<Vector<double>>();
        foreach (double[] values in parameters.Select(p => network.Parameters[p]))
        {
            for (int i = 0; i < values.Length; i++)
            {
                double value = values[i];
                values[i] = value + Step;
                double[] above = network.Scores(image);
                values[i] = value - Step;
                columns.Add(DenseVector.OfEnumerable(above.Zip(network.Scores(image), (a, b) => (a - b) / (2 * Step))));
                values[i] = value;
            }
        }

        return DenseMatrix.OfColumnVectors(columns);
    }
}
