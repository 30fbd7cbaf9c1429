using System.Numerics.Tensors;
using Kfac.Curvature;
using Kfac.Networks;
using static Kfac.Tests.Curvature.SeedCase;

namespace Kfac.Tests.Curvature;

/// <summary>The block as tf.contrib.kfac documents it, against exact values.</summary>
[TestClass]
public sealed class ConvDiagonalFBTests
{
    private static readonly float[] Gradient = [7, 9, 13, 15];
    private const float BiasGradient = 2;

    public static IEnumerable<object[]> Cases => SeedCase.All.Select(seed => new object[] { seed });

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Diagonal_is_the_mean_square_of_per_example_gradients(object boxed)
    {
        var seed = (SeedCase)boxed;
        ConvDiagonalFB block = Block(seed, new LayerCollection());
        Instantiate(block, damping: 1, seed);
        CollectionAssert.AreEqual(seed.Weights.Concat(seed.Bias).ToArray(), Diagonal(block));
    }

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Without_bias_the_filter_part_is_the_same(object boxed)
    {
        var seed = (SeedCase)boxed;
        var block = new ConvDiagonalFB(new LayerCollection(), Tensor.CreateFromShape<float>(Lengths(seed.Filter)), [1, seed.Stride, seed.Stride, 1], seed.Padding);
        Instantiate(block, damping: 1, seed);
        CollectionAssert.AreEqual(seed.Weights, Diagonal(block));
    }

    [TestMethod]
    public void Diagonal_is_neither_the_sum_of_location_squares_nor_the_square_of_the_batch_sum()
    {
        ConvDiagonalFB one = Block(E1, new LayerCollection());
        Instantiate(one, 1, E1);
        CollectionAssert.AreNotEqual(new float[] { 69, 113, 237, 317, 6 }, Diagonal(one));
        ConvDiagonalFB two = Block(E5, new LayerCollection());
        Instantiate(two, 1, E5);
        CollectionAssert.AreNotEqual(new float[] { 72, 32, 98, 112.5f, 8 }, Diagonal(two));
    }

    [TestMethod]
    public void Multiply_inverse_divides_by_the_damped_diagonal()
    {
        ConvDiagonalFB block = Block(E1, new LayerCollection());
        Instantiate(block, damping: 1, E1);
        ParameterTensors step = block.MultiplyInverse((T(Gradient, 2, 2, 1, 1), T([BiasGradient], 1)));
        AssertClose([7 / 50.0, 9 / 82.0, 13 / 170.0, 15 / 226.0], step.Weights);
        AssertClose([2 / 5.0], step.Bias!);
    }

    [TestMethod]
    public void Multiply_undoes_multiply_inverse()
    {
        ConvDiagonalFB block = Block(E1, new LayerCollection());
        Instantiate(block, damping: 0.25f, E1);
        ParameterTensors back = block.Multiply(block.MultiplyInverse((T(Gradient, 2, 2, 1, 1), T([BiasGradient], 1))));
        AssertClose([7, 9, 13, 15], back.Weights);
        AssertClose([2], back.Bias!);
    }

    [TestMethod]
    public void Undamped_inverse_root_turns_the_examples_own_gradient_into_ones()
    {
        ConvDiagonalFB block = Block(E1, new LayerCollection());
        Instantiate(block, damping: 0, E1);
        float[] diagonal = Diagonal(block);
        float[] gradient = [.. Gradient, BiasGradient];
        AssertClose([1, 1, 1, 1, 1], T([.. gradient.Zip(diagonal, (g, d) => g / MathF.Sqrt(d))], 5));
    }

    [TestMethod]
    public void R16_form_divides_damping_by_the_locations_and_starts_its_average_at_ones()
    {
        // The seed damps with λ/T, T = 9; a decay of 0 takes its average out of the picture.
        ConvDiagonalFB damped = Block(E1, new LayerCollection { Averaging = AveragingConvention.TensorFlowR16, EmaDecay = 0 });
        Instantiate(damped, damping: 1, E1);
        ParameterTensors step = damped.MultiplyInverse((T(Gradient, 2, 2, 1, 1), T([BiasGradient], 1)));
        AssertClose([63 / 442.0, 81 / 730.0, 117 / 1522.0, 135 / 2026.0], step.Weights);
        AssertClose([18 / 37.0], step.Bias!);

        ConvDiagonalFB averaged = Block(E1, new LayerCollection { Averaging = AveragingConvention.TensorFlowR16, EmaDecay = 0.95f });
        Instantiate(averaged, damping: 1, E1);
        AssertClose([3.4, 5, 9.4, 12.2, 1.15], T(Diagonal(averaged), 5));
    }

    [TestMethod]
    public void Corrected_average_forgets_its_start()
    {
        ConvDiagonalFB block = Block(E1, new LayerCollection { EmaDecay = 0.95f });
        Instantiate(block, damping: 1, E1);
        CollectionAssert.AreEqual(new float[] { 49, 81, 169, 225, 4 }, Diagonal(block), "one update is the statistic itself");
        Instantiate(block, damping: 1, SecondOfE5);
        AssertClose([477 / 13.0, 1559 / 39.0, 1077 / 13.0, 1425 / 13.0, 4], T(Diagonal(block), 5));
        Assert.AreEqual(2, block.Factor.Updates);
    }

    [TestMethod]
    public void Minibatches_of_unequal_size_weigh_by_their_examples()
    {
        // Three images as 1 + 2 and as 3 at once: the same mean over examples.
        float[] images = [.. E5.Inputs, 2, 0, 1, 0, 3, -1, 1, 1, 0];
        float[] gradients = [.. E5.Gradients, 1, 1, -2, 3];
        var whole = new SeedCase("whole", T(images, 3, 3, 3, 1), T(gradients, 3, 2, 2, 1), E1.Filter, 1, Padding.Valid, [], []);
        ConvDiagonalFB expected = Block(whole, new LayerCollection());
        Instantiate(expected, 1, whole);

        ConvDiagonalFB split = Block(whole, new LayerCollection());
        split.RegisterAdditionalMinibatch(T(images[..9], 1, 3, 3, 1), T(new float[4], 1, 2, 2, 1));
        split.RegisterAdditionalMinibatch(T(images[9..], 2, 3, 3, 1), T(new float[8], 2, 2, 2, 1));
        Assert.AreEqual(2, split.NumRegisteredMinibatches);
        Assert.HasCount(2, split.TensorsToComputeGrads());
        split.InstantiateFactors([[T(gradients[..4], 1, 2, 2, 1), T(gradients[4..], 2, 2, 2, 1)]], 1);
        Assert.AreEqual(0, split.NumRegisteredMinibatches);
        CollectionAssert.AreEqual(Diagonal(expected), Diagonal(split));
    }

    [TestMethod]
    [DataRow(2, new double[] { 36, 64, 144, 196, 4 })]
    [DataRow(3, new double[] { 32, 512 / 9.0, 128, 1568 / 9.0, 32 / 9.0 })]
    public void ExactFisherOfASoftmaxIsTheSumOverItsSources(int classes, double[] expected)
    {
        // E1's convolution with one filter a class, zero weights (p = 1/c) and global sum pooling: every location's ds is the
        // logit's. Source c has ds = B e_c, B = diag(√p) - p √pᵀ.
        float root = MathF.Sqrt(1f / classes);
        var block = new ConvDiagonalFB(new LayerCollection(), (Tensor.CreateFromShape<float>([2, 2, 1, classes]), Tensor.CreateFromShape<float>([classes])), [1, 1, 1, 1], Padding.Valid);
        block.RegisterAdditionalMinibatch(E1.Inputs, Tensor.CreateFromShape<float>([1, 2, 2, classes]));
        block.InstantiateFactors(
            [.. Enumerable.Range(0, classes).Select(c => (IReadOnlyList<Tensor<float>>)[T([.. Enumerable.Range(0, 4 * classes).Select(i => (i % classes == c ? root : 0) - root / classes)], 1, 2, 2, classes)])],
            damping: 1);
        float[] diagonal = Diagonal(block);
        for (int k = 0; k < classes; k++)
        {
            AssertClose(expected, T([.. Enumerable.Range(0, 5).Select(row => diagonal[row * classes + k])], 5));
        }
    }

    [TestMethod]
    public void Bad_arguments_are_refused_with_what_was_expected()
    {
        var layers = new LayerCollection();
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => new ConvDiagonalFB(layers, Tensor.CreateFromShape<float>([3, 3]), [1, 1, 1, 1], Padding.Same)).Message, "must have 4 dimensions, but has shape [3, 3]");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => new ConvDiagonalFB(layers, Tensor.CreateFromShape<float>([3, 3, 1, 1]), [1, 1, 1, 2], Padding.Same)).Message, "[1, 1, 1, 2]");
        ConvDiagonalFB block = Block(E1, layers);
        Assert.ThrowsExactly<InvalidOperationException>(() => block.InstantiateFactors([[E1.Gradients]], 1));
        Assert.ThrowsExactly<InvalidOperationException>(() => block.MultiplyInverse((T(Gradient, 2, 2, 1, 1), T([2], 1))));
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => block.RegisterAdditionalMinibatch(E1.Inputs, T(new float[9], 1, 3, 3, 1))).Message, "must have shape [1, 2, 2, 1], but has [1, 3, 3, 1]");
        block.RegisterAdditionalMinibatch(E1.Inputs, E1.Gradients);
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => block.InstantiateFactors([[E1.Gradients, E1.Gradients]], 1)).Message, "one gives 2");
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => block.InstantiateFactors([[E1.Gradients]], float.NaN));
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => block.InstantiateFactors([], 1)).Message, "at least one source of gradients");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => block.RegisterAdditionalMinibatch(T([], 0, 3, 3, 1), T([], 0, 2, 2, 1))).Message, "at least one example");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => block.InstantiateFactors([[T([1, float.NaN, 2, 0], 1, 2, 2, 1)]], 1)).Message, "NaN");
        block.InstantiateFactors([[E1.Gradients]], 1);
        CollectionAssert.AreEqual(E1.Weights.Concat(E1.Bias).ToArray(), Diagonal(block), "what was refused left no trace");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => block.Multiply(T(Gradient, 2, 2, 1, 1))).Message, "has a bias");
    }

    [TestMethod]
    public void Singular_undamped_curvature_is_refused()
    {
        ConvDiagonalFB block = Block(SecondOfE5, new LayerCollection());
        Instantiate(block, damping: 0, SecondOfE5);
        Assert.ThrowsExactly<InvalidOperationException>(() => block.MultiplyInverse((T(Gradient, 2, 2, 1, 1), T([2], 1))));
    }

    private static ConvDiagonalFB Block(SeedCase seed, LayerCollection layers) => new(
        layers, (Tensor.CreateFromShape<float>(Lengths(seed.Filter)), Tensor.CreateFromShape<float>([seed.Filter[3]])), [1, seed.Stride, seed.Stride, 1], seed.Padding);

    private static void Instantiate(ConvDiagonalFB block, float damping, SeedCase seed)
    {
        block.RegisterAdditionalMinibatch(seed.Inputs, Tensor.CreateFromShape<float>(seed.Gradients.Lengths));
        block.InstantiateFactors([[seed.Gradients]], damping);
    }

    private static float[] Diagonal(ConvDiagonalFB block)
    {
        var diagonal = new float[block.Factor.Length];
        block.Factor.GetCovariance(diagonal);
        return diagonal;
    }

    private static nint[] Lengths(int[] shape) => [.. shape.Select(size => (nint)size)];

    /// <summary>Single precision keeps about seven digits; a handful of operations may lose one.</summary>
    private static void AssertClose(double[] expected, Tensor<float> actual)
    {
        float[] values = [.. actual];
        Assert.HasCount(expected.Length, values);
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.AreEqual(expected[i], values[i], 1e-6 * Math.Max(1, Math.Abs(expected[i])), $"value {i}");
        }
    }
}
