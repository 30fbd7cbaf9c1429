using Kfac.Curvature;
using Kfac.Tests.Oracles;
using MathNet.Numerics.LinearAlgebra;
using MathNet.Numerics.LinearAlgebra.Double;
using MathNet.Numerics.LinearAlgebra.Factorization;

namespace Kfac.Tests.Curvature;

/// <summary>Every block's (F + λI)^p is the function of the matrix that its own product shows, in double precision.</summary>
[TestClass]
public sealed class MatrixPowerTests
{
    private const float Damping = 0.05f;

    private static readonly float[] Exponents = [-1, -0.75f, -0.5f, -0.2f, 0, 0.3f, 0.5f, 1];

    public static IEnumerable<object[]> Cases =>
        from approximation in (FisherApproximation[])[FisherApproximation.Diagonal, FisherApproximation.NaiveDiagonal, FisherApproximation.Kronecker, FisherApproximation.Ekfac, FisherApproximation.Full]
        from isDense in (bool[])[true, false]
        select new object[] { approximation, isDense };

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void A_power_is_that_of_the_matrix(FisherApproximation approximation, bool isDense)
    {
        LayerCase layer = isDense ? LayerCase.Dense(examples: 9) : LayerCase.Convolution(examples: 5);
        FisherBlock block = layer.Instantiated(approximation, Damping);
        Matrix<double> matrix = layer.Matrix(block);
        foreach (float exponent in Exponents)
        {
            Matrix<double> power = Matrices.Of(layer.Size, vector => LayerCase.Values(block.MultiplyMatrixPower(layer.Parameters(vector), exponent)));

            Matrices.AssertClose(Power(matrix, exponent), power, 2e-5, $"{approximation}, exponent {exponent}");
        }
    }

    [TestMethod]
    public void Scale_and_shift_have_their_powers_element_by_element()
    {
        var block = new ScaleAndShiftDiagonalFB(new LayerCollection(), new ParameterTensors(Row(0, 0), Row(0, 0)));
        System.Numerics.Tensors.Tensor<float> Image(params float[] values) => System.Numerics.Tensors.Tensor.Create(values, [1, 1, 2, 2]);
        block.RegisterAdditionalMinibatch(Image(1, 2, 3, 4), Image(0, 0, 0, 0));
        block.InstantiateFactors([[Image(1, -1, 2, 1)]], damping: 1);

        // D of the scale: (1·1 + 3·2)², (-2 + 4)²; of the shift: (1 + 2)², (-1 + 1)².
        float[] expected = [1 / MathF.Sqrt(50), 1 / MathF.Sqrt(5), 1 / MathF.Sqrt(10), 1];
        float[] actual = LayerCase.Values(block.MultiplyMatrixPower(new ParameterTensors(Row(1, 1), Row(1, 1)), -0.5f));
        for (int i = 0; i < 4; i++)
        {
            Assert.AreEqual(expected[i], actual[i], 1e-6f);
        }

        static System.Numerics.Tensors.Tensor<float> Row(params float[] values) => System.Numerics.Tensors.Tensor.Create(values, [2]);
    }

    [TestMethod]
    public void Exponents_out_of_range_are_refused()
    {
        LayerCase layer = LayerCase.Dense(examples: 3);
        FisherBlock block = layer.Instantiated(FisherApproximation.Diagonal, Damping);
        foreach (float exponent in (float[])[-1.01f, 1.5f, float.NaN])
        {
            ArgumentOutOfRangeException refusal = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => block.MultiplyMatrixPower(layer.Parameters(new float[layer.Size]), exponent));
            StringAssert.Contains(refusal.Message, "the exponent must be in [-1, 1]");
        }
    }

    /// <summary>On its own a block does not change the damping behind its caller's back.</summary>
    [TestMethod]
    public void A_singular_block_on_its_own_is_refused_with_advice()
    {
        LayerCase layer = LayerCase.Dense(examples: 1, sources: 1);
        foreach (FisherApproximation approximation in (FisherApproximation[])[FisherApproximation.Kronecker, FisherApproximation.Full])
        {
            FisherBlock block = layer.Instantiated(approximation, damping: 0);
            InvalidOperationException refusal = Assert.ThrowsExactly<InvalidOperationException>(() => block.MultiplyInverse(layer.Parameters(new float[layer.Size])));
            StringAssert.Contains(refusal.Message, "singular in single precision: give a larger damping");
        }
    }

    private static Matrix<double> Power(Matrix<double> matrix, double exponent)
    {
        Evd<double> decomposition = ((matrix + matrix.Transpose()) / 2).Evd(Symmetricity.Symmetric);
        Matrix<double> vectors = decomposition.EigenVectors;
        return vectors * DenseMatrix.CreateDiagonal(matrix.RowCount, matrix.RowCount, i => Math.Pow(decomposition.EigenValues[i].Real, exponent)) * vectors.Transpose();
    }
}
