using System.Numerics.Tensors;
using Kfac.Curvature;
using static Kfac.Tests.Curvature.SeedCase;

namespace Kfac.Tests.Curvature;

/// <summary>The diagonal blocks beside the convolution's.</summary>
[TestClass]
public sealed class OtherDiagonalBlockTests
{
    [TestMethod]
    public void Dense_diagonal_is_the_mean_of_input_squares_times_gradient_squares()
    {
        // Two examples, F = 2, K = 3: x = (1, 2), (3, -1); ds = (1, 0, 2), (-1, 2, 1).
        var block = new FullyConnectedDiagonalFB(new LayerCollection(), (Tensor.CreateFromShape<float>([2, 3]), Tensor.CreateFromShape<float>([3])));
        block.RegisterAdditionalMinibatch(T([1, 2, 3, -1], 2, 2), T(new float[6], 2, 3));
        block.InstantiateFactors([[T([1, 0, 2, -1, 2, 1], 2, 3)]], 1);
        CollectionAssert.AreEqual(new float[] { 5, 18, 6.5f, 2.5f, 2, 8.5f, 1, 2, 2.5f }, Diagonal(block));
    }

    [TestMethod]
    public void Naive_diagonal_is_the_square_of_the_batch_gradient_over_its_size()
    {
        // The gradients of E5: (7, 9, 13, 15 | 2) and (5, -1, -1, 0 | 2) of two examples.
        var block = new NaiveDiagonalFB(new LayerCollection(), (Tensor.CreateFromShape<float>([2, 2, 1, 1]), Tensor.CreateFromShape<float>([1])));
        block.RegisterAdditionalMinibatch(2);
        Assert.HasCount(2, block.TensorsToComputeGrads());
        block.InstantiateFactors([[T([7 + 5, 9 - 1, 13 + 1, 15 + 0], 2, 2, 1, 1), T([4], 1)]], 1);
        CollectionAssert.AreEqual(new float[] { 72, 32, 98, 112.5f, 8 }, Diagonal(block));
    }

    [TestMethod]
    public void Naive_diagonal_of_one_example_is_the_convolution_blocks()
    {
        var block = new NaiveDiagonalFB(new LayerCollection(), (Tensor.CreateFromShape<float>([2, 2, 1, 1]), Tensor.CreateFromShape<float>([1])));
        block.RegisterAdditionalMinibatch(1);
        block.InstantiateFactors([[T([7, 9, 13, 15], 2, 2, 1, 1), T([2], 1)]], 1);
        CollectionAssert.AreEqual(E1.Weights.Concat(E1.Bias).ToArray(), Diagonal(block));
    }

    [TestMethod]
    public void Collection_keeps_its_blocks_and_checks_its_decay()
    {
        var layers = new LayerCollection();
        var block = new FullyConnectedDiagonalFB(layers, Tensor.CreateFromShape<float>([2, 3]));
        Assert.AreSame(block, layers.Blocks.Single());
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new LayerCollection { EmaDecay = 1 });
    }

    private static float[] Diagonal(DiagonalFB block)
    {
        var diagonal = new float[block.Factor.Length];
        block.Factor.GetCovariance(diagonal);
        return diagonal;
    }
}
