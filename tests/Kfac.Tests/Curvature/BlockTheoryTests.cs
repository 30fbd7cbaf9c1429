using Kfac.Curvature;
using Kfac.Networks;
using Kfac.Tests.Oracles;
using MathNet.Numerics.LinearAlgebra;

namespace Kfac.Tests.Curvature;

/// <summary>Where theory says what a block is, it is that: against (1/N) sum g gᵀ by loops in double precision.</summary>
[TestClass]
public sealed class BlockTheoryTests
{
    private const double Rounding = 1e-5;

    public static IEnumerable<object[]> Layers => LayerCase.OfEachKind(examples: 7).Select(layer => new object[] { layer });

    [TestMethod]
    [DynamicData(nameof(Layers))]
    public void Full_is_the_explicit_block_and_its_inverse(object boxed)
    {
        var layer = (LayerCase)boxed;
        FisherBlock block = layer.Instantiated(FisherApproximation.Full, 0.5f);
        Matrix<double> expected = layer.Fisher().Damped(0.5);
        Matrices.AssertClose(expected, layer.Matrix(block), Rounding);
        Matrices.AssertClose(expected.Inverse(), layer.Matrix(block, inverse: true), 1e-4);
    }

    [TestMethod]
    [DynamicData(nameof(Layers))]
    public void Diagonal_is_the_diagonal_of_the_explicit_block(object boxed)
    {
        var layer = (LayerCase)boxed;
        Matrices.AssertClose(layer.Fisher().DiagonalPart(), layer.Matrix(layer.Instantiated(FisherApproximation.Diagonal, 0)), Rounding);
    }

    [TestMethod]
    [DynamicData(nameof(Layers))]
    public void EKFAC_is_never_farther_from_the_Fisher_than_KFC_and_has_its_trace(object boxed)
    {
        // S is the diagonal of Qᵀ F Q, so no other diagonal in that basis is closer to F; and a trace does not depend on a basis.
        var layer = (LayerCase)boxed;
        Matrix<double> exact = layer.Fisher();
        Matrix<double> kronecker = layer.Matrix(layer.Instantiated(FisherApproximation.Kronecker, 0)), ekfac = layer.Matrix(layer.Instantiated(FisherApproximation.Ekfac, 0));
        Assert.IsLessThan(Matrices.RelativeError(exact, kronecker), Matrices.RelativeError(exact, ekfac));
        Assert.AreEqual(exact.Trace(), ekfac.Trace(), 1e-5 * exact.Trace());
        Assert.AreNotEqual(0, Matrices.RelativeError(exact, ekfac), 0.01, "or this says nothing");
    }

    [TestMethod]
    [DynamicData(nameof(Layers))]
    public void EKFAC_has_the_second_moments_of_the_explicit_block_in_its_basis(object boxed)
    {
        // The eigenvectors of EKFAC's own matrix are its basis Q; in it, it must hold the diagonal of Qᵀ F Q.
        var layer = (LayerCase)boxed;
        Matrix<double> ekfac = layer.Matrix(layer.Instantiated(FisherApproximation.Ekfac, 0));
        Matrix<double> symmetric = (ekfac + ekfac.Transpose()) / 2;
        Matrix<double> basis = symmetric.Evd(Symmetricity.Symmetric).EigenVectors;
        Matrix<double> rotated = (basis.TransposeThisAndMultiply(layer.Fisher()) * basis).DiagonalPart();
        Matrices.AssertClose(basis * rotated * basis.Transpose(), ekfac, 1e-4);
    }

    [TestMethod]
    public void EKFAC_without_correlations_is_the_diagonal_block()
    {
        // Inputs along the axes, each with its own length, and gradients too: A and G are diagonal with distinct values, so
        // the only bases are the axes themselves, in some order. Inputs and gradients depend on each other: KFC is another matrix.
        float[][] inputs = [[3, 0, 0, 0], [0, 2, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0.5f], [3, 0, 0, 0], [0, 0, -1, 0]];
        float[][] gradients = [[1, 0, 0], [0, 2, 0], [0, 0, 3], [0, -2, 0], [0, 2, 0], [-1, 0, 0]];
        LayerCase layer = LayerCase.Dense(inputs.Length, features: 4, units: 3, bias: false) with { Inputs = inputs, Sources = [gradients] };
        Matrix<double> diagonal = layer.Matrix(layer.Instantiated(FisherApproximation.Diagonal, 0.1f));
        Matrices.AssertClose(diagonal, layer.Matrix(layer.Instantiated(FisherApproximation.Ekfac, 0.1f)), Rounding);
        Matrices.AssertClose(diagonal.Inverse(), layer.Matrix(layer.Instantiated(FisherApproximation.Ekfac, 0.1f), inverse: true), Rounding);
        Assert.IsGreaterThan(0.1, Matrices.RelativeError(diagonal, layer.Matrix(layer.Instantiated(FisherApproximation.Kronecker, 0.1f))));
    }

    [TestMethod]
    [DataRow(1, true)]
    [DataRow(3, true)]
    [DataRow(3, false)]
    public void Kronecker_is_exact_for_one_example(int sources, bool bias)
    {
        // F = sum over sources of a aᵀ ⊗ g gᵀ = a aᵀ ⊗ sum g gᵀ.
        LayerCase layer = LayerCase.Dense(examples: 1, sources: sources, bias: bias);
        AssertKroneckerIsExact(layer);
    }

    [TestMethod]
    public void Kronecker_is_exact_for_one_example_of_one_location()
    {
        var spec = new Conv2DSpec(3, 3, 4, 1, 1, Padding.Valid);
        LayerCase drawn = LayerCase.Convolution(examples: 1);
        var layer = new LayerCase("one location", spec, drawn.Input, ImageShape.Flat(3), HasBias: true, drawn.Inputs, [[[1, -2, 0.5f]], [[0.3f, 1, 2]]]);
        Assert.AreEqual(ImageShape.Flat(3), spec.InferOutput(layer.Input));
        AssertKroneckerIsExact(layer);
    }

    [TestMethod]
    public void Kronecker_is_exact_where_inputs_and_gradients_are_independent()
    {
        // Every input meets every gradient once, so that the mean of a aᵀ ⊗ g gᵀ is the product of the means.
        LayerCase some = LayerCase.Dense(examples: 4, sources: 1);
        float[][] gradients = some.Sources[0][..3];
        LayerCase layer = some with
        {
            Inputs = [.. some.Inputs.SelectMany(input => gradients.Select(_ => input))],
            Sources = [[.. some.Inputs.SelectMany(_ => gradients)]],
        };
        AssertKroneckerIsExact(layer);

        LayerCase paired = some with { Inputs = some.Inputs[..3], Sources = [gradients] };
        Assert.IsGreaterThan(0.1, Matrices.RelativeError(paired.Fisher(), paired.Matrix(paired.Instantiated(FisherApproximation.Kronecker, 0))), "or this says nothing");
    }

    [TestMethod]
    public void KFC_is_exact_where_gradients_of_different_locations_are_uncorrelated()
    {
        // One image, and at its four locations the gradients ±u with every choice of signs: E[ds_t ds_t'ᵀ] = uuᵀ where
        // t = t' and else 0, so that F = sum_t p_t p_tᵀ ⊗ u uᵀ = T·A ⊗ G.
        LayerCase drawn = LayerCase.Convolution(examples: 1, stride: 2, padding: Padding.Same, sources: 1);
        int locations = drawn.Output.Height * drawn.Output.Width;
        Assert.AreEqual(4, locations);
        float[] u = [0.5f, -2, 1];
        LayerCase layer = drawn with
        {
            Inputs = [.. Enumerable.Repeat(drawn.Inputs[0], 1 << locations)],
            Sources = [[.. Enumerable.Range(0, 1 << locations).Select(signs => Enumerable.Range(0, locations).SelectMany(t => u.Select(v => (signs >> t & 1) == 0 ? v : -v)).ToArray())]],
        };
        AssertKroneckerIsExact(layer);
        Assert.IsGreaterThan(0.1, Matrices.RelativeError(drawn.Fisher(), drawn.Matrix(drawn.Instantiated(FisherApproximation.Kronecker, 0))), "or this says nothing");
    }

    /// <summary>T·A ⊗ G is F, and EKFAC, which is at least as close, too.</summary>
    private static void AssertKroneckerIsExact(LayerCase layer)
    {
        Matrix<double> exact = layer.Fisher();
        Matrices.AssertClose(exact, layer.Matrix(layer.Instantiated(FisherApproximation.Kronecker, 0)), Rounding, "Kronecker");
        Matrices.AssertClose(exact, layer.Matrix(layer.Instantiated(FisherApproximation.Ekfac, 0)), Rounding, "EKFAC");
    }
}
