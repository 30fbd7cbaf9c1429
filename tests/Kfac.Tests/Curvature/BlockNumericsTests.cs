using Kfac.Curvature;

namespace Kfac.Tests.Curvature;

/// <summary>
/// Curvature that cannot be inverted, or hardly: the answer is finite, and where more had to be done than was asked for,
/// that is on record; or there is an exception that says what to do.
/// </summary>
[TestClass]
public sealed class BlockNumericsTests
{
    private static readonly FisherApproximation[] Factorised = [FisherApproximation.Kronecker, FisherApproximation.Full];

    public static IEnumerable<object[]> Cases =>
        from layer in new[] { LayerCase.Dense(7), LayerCase.Convolution(7) }
        from spoilt in new[]
        {
            layer with { Name = $"{layer.Name}, as it is" },
            layer.ScaleInputs(0) with { Name = $"{layer.Name}, zero inputs" },
            layer.ScaleGradients(0) with { Name = $"{layer.Name}, zero gradients" },
            layer.ScaleInputs(0).ScaleGradients(0) with { Name = $"{layer.Name}, nothing" },
            layer with { Name = $"{layer.Name}, rank one", Inputs = [layer.Inputs[0]], Sources = [[layer.Sources[0][0]]] },
            layer.ScaleInputs(1e5f).ScaleGradients(1e3f) with { Name = $"{layer.Name}, huge" },
            layer.ScaleInputs(1e-12f).ScaleGradients(1e-6f) with { Name = $"{layer.Name}, tiny" },
            layer.ScaleInputs(1e-25f).ScaleGradients(1e-25f) with { Name = $"{layer.Name}, vanishing" },
            layer.ScaleInputs(1e8f).ScaleGradients(1e-8f) with { Name = $"{layer.Name}, of unlike factors" },
        }
        from approximation in LayerCase.Approximations
        select new object[] { approximation, spoilt };

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Inverse_is_finite_or_refused_with_advice(FisherApproximation approximation, object boxed)
    {
        foreach (float damping in new[] { 0, 1e-30f, 1e-6f })
        {
            AssertFiniteOrRefused(approximation, (LayerCase)boxed, damping, relative: false);
            AssertFiniteOrRefused(approximation, (LayerCase)boxed, damping, relative: true);
        }
    }

    [TestMethod]
    public void Singular_factors_are_rescued_and_the_rescue_is_on_record_once()
    {
        LayerCase layer = LayerCase.Dense(examples: 1, sources: 1);
        foreach (FisherApproximation approximation in Factorised)
        {
            FisherBlock block = layer.Instantiated(approximation, damping: 0);
            string rescue = block.TakeRecovery()!;
            StringAssert.Contains(rescue, "damping of 0 left it singular and was raised to");
            Assert.IsNull(block.TakeRecovery());
            Assert.IsTrue(layer.Apply(block, [.. Enumerable.Repeat(1f, layer.Size)], inverse: true).All(float.IsFinite));
        }
    }

    [TestMethod]
    public void A_curvature_of_zero_leaves_its_layer_as_it_is()
    {
        LayerCase layer = LayerCase.Dense(examples: 3, bias: false).ScaleInputs(0).ScaleGradients(0);
        foreach (FisherApproximation approximation in Factorised)
        {
            FisherBlock block = layer.Instantiated(approximation, damping: 0);
            StringAssert.Contains(block.TakeRecovery()!, "too small to be inverted");
            CollectionAssert.AreEqual(new float[layer.Size], layer.Apply(block, [.. Enumerable.Repeat(1f, layer.Size)], inverse: true));
        }
    }

    [TestMethod]
    public void An_inverse_that_needs_no_rescue_reports_none()
    {
        foreach (LayerCase layer in LayerCase.OfEachKind(7))
        {
            foreach (FisherApproximation approximation in LayerCase.Approximations)
            {
                Assert.IsNull(layer.Instantiated(approximation, damping: 1e-3f).TakeRecovery(), $"{approximation}, {layer}");
            }
        }
    }

    [TestMethod]
    public void Relative_damping_of_a_curvature_of_zero_is_the_damping_itself()
    {
        // A layer whose ReLUs are all off has no gradient and no curvature: its step is 0, not 0/0.
        foreach (LayerCase layer in LayerCase.OfEachKind(3))
        {
            LayerCase dead = layer.ScaleGradients(0);
            foreach (FisherApproximation approximation in LayerCase.Approximations)
            {
                FisherBlock block = dead.Instantiated(approximation, damping: 0.25f, relative: true);
                CollectionAssert.AreEqual(new float[layer.Size], dead.Apply(block, new float[layer.Size], inverse: true), $"{approximation}, {layer}");
                Assert.AreEqual(4, dead.Apply(block, [.. Enumerable.Repeat(1f, layer.Size)], inverse: true)[0], approximation == FisherApproximation.Kronecker ? 4 : 1e-5);
            }
        }
    }

    [TestMethod]
    public void Factors_whose_product_would_overflow_are_refused()
    {
        LayerCase layer = LayerCase.Dense(examples: 3).ScaleInputs(1e8f).ScaleGradients(1e8f);
        foreach (FisherApproximation approximation in LayerCase.Approximations)
        {
            StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => layer.Instantiated(approximation, damping: 1)).Message, "squares are infinite");
        }
    }

    private static void AssertFiniteOrRefused(FisherApproximation approximation, LayerCase layer, float damping, bool relative)
    {
        FisherBlock block = layer.Instantiated(approximation, damping, relative);
        float[] vector = [.. Enumerable.Range(0, layer.Size).Select(i => MathF.Cos(i))];
        try
        {
            float[] result = layer.Apply(block, vector, inverse: true);
            Assert.IsTrue(result.All(float.IsFinite));
        }
        catch (InvalidOperationException e)
        {
            StringAssert.Contains(e.Message, "give a larger damping");
            Assert.IsLessThanOrEqualTo(1e-6, block.EffectiveDamping, "with a damping to speak of there is an answer");
        }
    }
}
