using Kfac.Memory;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Parallel;
using Kfac.Running;
using Kfac.Tests.Oracles;
using Kfac.Tests.Running;
using MathNet.Numerics.LinearAlgebra;
using MathNet.Numerics.LinearAlgebra.Double;

namespace Kfac.Tests.Optimizers;

/// <summary>Muon against its definition in double precision: the iteration on the matrix itself, no Gram matrix.</summary>
[TestClass]
public sealed unsafe class MuonTests
{
    private const int Examples = 4;

    private static readonly int[] Labels = [0, 1, 2, 1];

    public static IEnumerable<object[]> Shapes => [[36, 6], [6, 36], [16, 16], [5, 1], [1, 7], [1, 1], [200, 33], [31, 130], [201, 257], [300, 200]];

    [TestMethod]
    [DynamicData(nameof(Shapes))]
    public void Orthogonalization_is_the_iteration_on_the_matrix_itself(int rows, int columns)
    {
        Matrix<double> matrix = Gaussian(rows, columns);

        // The target is not zero before, so that it is seen to be added to.
        AssertClose(DenseMatrix.Create(rows, columns, 1) - 0.5 * Matrices.Orthogonalize(matrix), Add(matrix, factor: -0.5));
    }

    [TestMethod]
    public void Size_of_the_matrix_does_not_matter()
    {
        Matrix<double> matrix = Gaussian(20, 8);
        Matrix<double> result = Add(matrix, 1);
        AssertClose(result, Add(1e-12 * matrix, 1));
        AssertClose(result, Add(1e12 * matrix, 1));
    }

    [TestMethod]
    public void Singular_values_come_close_to_one_and_their_vectors_stay()
    {
        Matrix<double> matrix = Gaussian(60, 12), result = Add(matrix, 1) - 1;
        var decomposition = matrix.Svd();
        Matrix<double> middle = decomposition.U.TransposeThisAndMultiply(result) * decomposition.VT.Transpose();
        for (int row = 0; row < 60; row++)
        {
            for (int column = 0; column < 12; column++)
            {
                Assert.AreEqual(row == column ? 0.95 : 0, middle[row, column], row == column ? 0.28 : 1e-4, $"[{row}, {column}]");
            }
        }
    }

    [TestMethod]
    public void Matrix_of_rank_one_and_nothing_at_all_are_no_trouble()
    {
        Matrix<double> column = Gaussian(40, 1), row = Gaussian(1, 10);
        AssertClose(1 + Matrices.Orthogonalize(column * row), Add(column * row, 1));
        AssertClose(DenseMatrix.Create(40, 10, 1), Add(DenseMatrix.Create(40, 10, 0), 1));
    }

    [TestMethod]
    public void Muon_follows_its_formula()
    {
        const double Rate = 0.02, Factor = 0.5, Momentum = 0.8, Beta1 = 0.7, Beta2 = 0.9, Epsilon = 1e-3, Decay = 0.1;
        using var workers = new Workers(2);
        Network network = Build(workers);
        Optimizer optimizer = new MuonOptions
        {
            LearningRate = (float)Rate,
            Momentum = (float)Momentum,
            Beta1 = (float)Beta1,
            Beta2 = (float)Beta2,
            Epsilon = (float)Epsilon,
            WeightDecay = (float)Decay,
        }.Create(network, 1);
        string[] hidden = ["conv2d_2/filter", "dense_1/weights"];
        double[][] values = Copy(network, parameter => parameter.Values), first = [.. values.Select(v => new double[v.Length])], second = [.. values.Select(v => new double[v.Length])];
        for (int step = 1; step <= 3; step++)
        {
            Assert.IsNull(optimizer.Step(Labels, Factor).Recovery);
            double[][] gradients = Copy(network, parameter => parameter.Gradient);
            for (int p = 0; p < values.Length; p++)
            {
                Parameter parameter = network.Parameters[p];
                double[] update = hidden.Contains(parameter.Name) ? MuonUpdate(p, gradients[p], parameter.Shape[^1]) : AdamUpdate(p, gradients[p], step);
                values[p] = [.. values[p].Zip(update, (value, u) => value * (parameter.Kind == ParameterKind.Weights ? 1 - Factor * Rate * Decay : 1) - Factor * Rate * u)];
            }
        }

        double[][] actual = Copy(network, parameter => parameter.Values);
        for (int p = 0; p < values.Length; p++)
        {
            AssertClose(new DenseMatrix(1, values[p].Length, values[p]), new DenseMatrix(1, values[p].Length, actual[p]));
        }

        double[] MuonUpdate(int p, double[] gradient, int columns)
        {
            first[p] = [.. first[p].Zip(gradient, (m, g) => Momentum * m + g)];
            double[] ahead = [.. gradient.Zip(first[p], (g, m) => g + Momentum * m)];
            int rows = ahead.Length / columns;
            Matrix<double> orthogonal = Matrices.Orthogonalize(DenseMatrix.Create(rows, columns, (row, column) => ahead[row * columns + column]));
            return (0.2 * Math.Sqrt(Math.Max(rows, columns)) * orthogonal).ToRowMajorArray();
        }

        double[] AdamUpdate(int p, double[] gradient, int step)
        {
            first[p] = [.. first[p].Zip(gradient, (m, g) => Beta1 * m + (1 - Beta1) * g)];
            second[p] = [.. second[p].Zip(gradient, (v, g) => Beta2 * v + (1 - Beta2) * g * g)];
            return [.. first[p].Zip(second[p], (m, v) => m / (1 - Math.Pow(Beta1, step)) / (Math.Sqrt(v / (1 - Math.Pow(Beta2, step))) + Epsilon))];
        }
    }

    /// <summary>Ones + factor · the orthogonalised matrix, by the code under test.</summary>
    private static Matrix<double> Add(Matrix<double> matrix, double factor)
    {
        int rows = matrix.RowCount, columns = matrix.ColumnCount;
        using var workers = new Workers(2);
        AlignedBuffer source = new(rows * columns), target = new(rows * columns);
        for (int i = 0; i < rows * columns; i++)
        {
            source.Span[i] = (float)matrix[i / columns, i % columns];
        }

        target.Span.Fill(1);
        var orthogonalization = new NewtonSchulz(rows, columns);
        orthogonalization.FormGram(workers, source.Pointer);
        orthogonalization.Iterate(orthogonalization.IsLarge ? workers : null, default);
        orthogonalization.AddTo(workers, source.Pointer, factor, target.Pointer);
        return DenseMatrix.Create(rows, columns, (row, column) => target.Span[row * columns + column]);
    }

    private static Matrix<double> Gaussian(int rows, int columns)
    {
        var random = new Random(7);
        return DenseMatrix.Create(rows, columns, (_, _) => random.NextGaussian());
    }

    /// <summary>Four layers with weights, and a normalisation: the second a tall matrix [36, 6], the third a wide one [24, 40].</summary>
    private static Network Build(Workers workers) =>
        NoiseNetwork.Build(NetworkSpec.For(5, 5, 2).Conv(4, 3).Relu().Conv(6, 3).GroupNorm(2).Relu().MaxPool(2).Flatten().Dense(40).Relu().Dense(3), workers, Examples);

    private static double[][] Copy(Network network, Func<Parameter, ReadOnlySpan<float>> array) =>
        [.. network.Parameters.Select(parameter => Array.ConvertAll(array(parameter).ToArray(), value => (double)value))];

    /// <summary>Singular values that are tiny are multiplied by 3.4445⁵ = 485, and rounding errors with them.</summary>
    private static void AssertClose(Matrix<double> expected, Matrix<double> actual)
    {
        for (int row = 0; row < expected.RowCount; row++)
        {
            for (int column = 0; column < expected.ColumnCount; column++)
            {
                Assert.AreEqual(expected[row, column], actual[row, column], 5e-5 * Math.Max(1, Math.Abs(expected[row, column])), $"[{row}, {column}]");
            }
        }
    }
}
