using System.Numerics.Tensors;
using Kfac.Curvature;
using Kfac.Networks;
using Kfac.Tests.Oracles;
using MathNet.Numerics.LinearAlgebra;
using static Kfac.Tests.Curvature.SeedCase;

namespace Kfac.Tests.Curvature;

/// <summary>The Kronecker-factored blocks on the worked example E1: one image, P = 5 with the bias, K = 1, T = 4.</summary>
[TestClass]
public sealed class KroneckerBlockTests
{
    private static readonly float[] Gradient = [7, 9, 13, 15];

    [TestMethod]
    public void KFC_factors_of_E1()
    {
        ConvKFCBasicFB block = Instantiated(new ConvKFCBasicFB(new LayerCollection(), Shapes, [1, 1, 1, 1], Padding.Valid), damping: 1);
        var a = new float[25];
        block.InputFactor.GetCovariance(a);
        Assert.AreEqual(121, Enumerable.Range(0, 5).Sum(i => (double)a[i * 6]), 1e-4);
        var g = new float[1];
        block.OutputFactor.GetCovariance(g);
        Assert.AreEqual(1.5, g[0], 1e-6);
        CollectionAssert.AreEqual(new[] { 69f, 111, 231, 309, 6 }, Enumerable.Range(0, 5).Select(i => MathF.Round(4 * a[i * 6] * g[0], 3)).ToArray());
    }

    [TestMethod]
    public void KFC_inverse_of_E1_has_factored_damping()
    {
        ConvKFCBasicFB block = Instantiated(new ConvKFCBasicFB(new LayerCollection(), Shapes, [1, 1, 1, 1], Padding.Valid), damping: 1);
        AssertClose([0.0108008697, 0.0125321632, 0.0159947502, 0.0177260436, 0.0017312935], block.MultiplyInverse(Vector));
    }

    [TestMethod]
    public void KFC_inverse_of_E1_is_not_that_of_equal_damping_on_both_factors()
    {
        // π = 1 would give these; an undamped product of the factors with λI added is another matrix still.
        ConvKFCBasicFB block = Instantiated(new ConvKFCBasicFB(new LayerCollection(), Shapes, [1, 1, 1, 1], Padding.Valid), damping: 1);
        float[] step = [.. block.MultiplyInverse(Vector).Weights];
        Assert.AreNotEqual(29 / 2732.0, step[0], 1e-4);
        Assert.AreNotEqual(73 / 4687.0, step[0], 1e-3);
    }

    [TestMethod]
    public void KFC_factors_of_E1_without_damping_have_their_exact_inverse()
    {
        // (T·A ⊗ G + I)⁻¹ g = (73, 75, 79, 81 | 2) / 4687.
        ConvKFCBasicFB block = Instantiated(new ConvKFCBasicFB(new LayerCollection(), Shapes, [1, 1, 1, 1], Padding.Valid), damping: 0);
        Matrix<double> product = Matrices.Of(5, vector =>
        {
            ParameterTensors result = block.Multiply((T(vector[..4], 2, 2, 1, 1), T(vector[4..], 1)));
            return [.. result.Weights, .. result.Bias!];
        });
        Vector<double> step = product.Damped(1).Solve(Vector<double>.Build.Dense([7, 9, 13, 15, 2]));
        double[] expected = [73, 75, 79, 81, 2];
        for (int i = 0; i < 5; i++)
        {
            Assert.AreEqual(expected[i] / 4687, step[i], 1e-5 * expected[i] / 4687);
        }
    }

    [TestMethod]
    public void Full_inverse_of_E1_is_the_Woodbury_formula()
    {
        // F = g gᵀ with the example's own gradient g, so that (F + I)⁻¹ g = g / (1 + g·g), g·g = 528.
        FullFB block = Instantiated(new FullFB(new LayerCollection(), Shapes, [1, 1, 1, 1], Padding.Valid), damping: 1);
        AssertClose([.. new[] { 7, 9, 13, 15, 2.0 }.Select(v => v / 529)], block.MultiplyInverse(Vector), 1e-4); // the inverse's floats cancel to a 529th
    }

    private static ParameterTensors Shapes => (T(new float[4], 2, 2, 1, 1), T(new float[1], 1));

    private static ParameterTensors Vector => (T(Gradient, 2, 2, 1, 1), T([2], 1));

    private static TBlock Instantiated<TBlock>(TBlock block, float damping)
        where TBlock : InputOutputFB
    {
        block.RegisterAdditionalMinibatch(E1.Inputs, Tensor.CreateFromShape<float>(E1.Gradients.Lengths));
        block.InstantiateFactors([[E1.Gradients]], damping);
        return block;
    }

    private static void AssertClose(double[] expected, ParameterTensors actual, double tolerance = 1e-5)
    {
        float[] values = [.. actual.Weights, .. actual.Bias!];
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.AreEqual(expected[i], values[i], tolerance * Math.Abs(expected[i]), $"value {i}");
        }
    }
}
