using Kfac.Curvature;
using Kfac.Parallel;
using Kfac.Tests.Oracles;
using MathNet.Numerics.LinearAlgebra;

namespace Kfac.Tests.Curvature;

/// <summary>What holds for every block, on a dense layer and on convolutions, with a bias and without.</summary>
[TestClass]
public sealed class BlockInvarianceTests
{
    private const int Examples = 7;

    /// <summary>Single precision has seven digits; a sum of some dozens of products and a change of basis cost one or two.</summary>
    private const double Rounding = 1e-5;

    public static IEnumerable<object[]> Cases =>
        from layer in LayerCase.OfEachKind(Examples)
        from approximation in LayerCase.Approximations
        select new object[] { approximation, layer };

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Uneven_minibatches_give_the_curvature_of_the_whole(FisherApproximation approximation, object boxed)
    {
        var layer = (LayerCase)boxed;
        Matrix<double> whole = layer.Matrix(layer.Instantiated(approximation, 0.1f));
        Matrices.AssertClose(whole, layer.Matrix(layer.Instantiated(approximation, 0.1f, minibatches: [1, 4, 2])), Rounding);
        Matrices.AssertClose(whole, layer.Matrix(layer.Instantiated(approximation, 0.1f, minibatches: [5, 1, 1])), Rounding);
    }

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Multiply_inverse_inverts_multiply(FisherApproximation approximation, object boxed)
    {
        var layer = (LayerCase)boxed;
        Matrix<double> identity = Matrix<double>.Build.DenseIdentity(layer.Size);
        foreach (bool relative in new[] { false, true })
        {
            FisherBlock block = layer.Instantiated(approximation, 0.1f, relative);
            Matrix<double> forward = layer.Matrix(block), inverse = layer.Matrix(block, inverse: true);
            // Rounding of the one is magnified by the other: the condition is at most some hundreds here.
            Matrices.AssertClose(identity, inverse * forward, 1e-3, $"relative {relative}");
            Matrices.AssertClose(forward, layer.Matrix(block), 1e-12, "inverting changes nothing");
            Matrices.AssertClose(inverse, layer.Matrix(block, inverse: true), 1e-12, "nor does it twice");
        }
    }

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void With_relative_damping_the_scale_of_the_loss_does_not_turn_the_step(FisherApproximation approximation, object boxed)
    {
        // Gradients times s make the curvature s² times as large, damping included, and so (F + λI)⁻¹ g 1/s times.
        var layer = (LayerCase)boxed;
        Matrix<double> inverse = layer.Matrix(layer.Instantiated(approximation, 0.1f, relative: true), inverse: true);
        foreach (float scale in new[] { 1e-3f, 100f })
        {
            Matrix<double> scaled = layer.Matrix(layer.ScaleGradients(scale).Instantiated(approximation, 0.1f, relative: true), inverse: true);
            Matrices.AssertClose(inverse, scaled * scale * scale, 1e-4, $"scale {scale}");
        }
    }

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Every_example_twice_is_the_same_curvature(FisherApproximation approximation, object boxed)
    {
        var layer = (LayerCase)boxed;
        // The batch's own gradient, squared and divided by N, is the one estimate that grows with the batch.
        double factor = approximation == FisherApproximation.NaiveDiagonal ? 2 : 1;
        Matrices.AssertClose(factor * layer.Matrix(layer.Instantiated(approximation, 0)), layer.Twice().Matrix(layer.Twice().Instantiated(approximation, 0)), Rounding);
    }

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Bits_do_not_depend_on_the_number_of_workers(FisherApproximation approximation, object boxed)
    {
        var layer = (LayerCase)boxed;
        float[] vector = [.. Enumerable.Range(0, layer.Size).Select(i => MathF.Sin(i + 1))];
        float[][] results = [.. new[] { 1, 2, 5 }.Select(count =>
        {
            using var workers = new Workers(count);
            FisherBlock block = layer.Instantiated(approximation, 0.1f, relative: true, workers);
            return (float[])[.. layer.Apply(block, vector, inverse: false), .. layer.Apply(block, vector, inverse: true)];
        })];
        CollectionAssert.AreEqual(results[0], results[1]);
        CollectionAssert.AreEqual(results[0], results[2]);
    }

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void What_is_not_finite_is_refused_and_leaves_no_trace(FisherApproximation approximation, object boxed)
    {
        var layer = (LayerCase)boxed;
        FisherBlock block = layer.Instantiated(approximation, 0.1f);
        Matrix<double> before = layer.Matrix(block);
        foreach (float bad in new[] { float.NaN, float.PositiveInfinity, 1e30f })
        {
            LayerCase spoilt = layer with { Sources = [layer.Sources[0], [.. layer.Sources[1].Select((row, n) => n == 3 ? [.. row[..^1], bad] : row)]] };
            StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => spoilt.Instantiate(spoilt.Block(approximation, new LayerCollection()), 0.1f)).Message, "NaN");
            Assert.ThrowsExactly<ArgumentException>(() => spoilt.Instantiate(block, 0.1f));
            Matrices.AssertClose(before, layer.Matrix(block), 1e-12, $"after {bad}");
            FisherBlock fresh = layer.Block(approximation, new LayerCollection());
            Assert.ThrowsExactly<ArgumentException>(() => spoilt.Instantiate(fresh, 0.1f));
            Assert.ThrowsExactly<InvalidOperationException>(() => layer.Apply(fresh, new float[layer.Size], inverse: true));
        }
    }

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Without_a_statistic_there_is_nothing_to_multiply_with(FisherApproximation approximation, object boxed)
    {
        var layer = (LayerCase)boxed;
        FisherBlock block = layer.Block(approximation, new LayerCollection());
        foreach (bool inverse in new[] { false, true })
        {
            StringAssert.Contains(Assert.ThrowsExactly<InvalidOperationException>(() => layer.Apply(block, new float[layer.Size], inverse)).Message, "InstantiateFactors");
        }
    }
}
