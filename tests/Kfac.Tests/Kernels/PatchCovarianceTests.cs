using Kfac.Curvature;
using Kfac.Kernels;
using Kfac.Memory;
using Kfac.Parallel;

namespace Kfac.Tests.Kernels;

[TestClass]
[TestCategory("Kernels")]
public sealed class PatchCovarianceTests
{
    public static IEnumerable<object[]> InstructionSets => KernelCases.InstructionSets;

    private static IEnumerable<ConvolutionGeometry> Shapes =>
    [
        ConvolutionGeometry.Same(28, 28, 32, 1, 3, 3),
        ConvolutionGeometry.Same(5, 6, 17, 1, 3, 3),
        ConvolutionGeometry.Same(7, 9, 16, 1, 5, 5),
        ConvolutionGeometry.Same(2, 3, 16, 1, 5, 5),
        ConvolutionGeometry.Same(1, 1, 16, 1, 3, 3),
        ConvolutionGeometry.Same(6, 5, 48, 1, 2, 4),
        ConvolutionGeometry.Same(4, 4, 40, 1, 1, 1),
        ConvolutionGeometry.Valid(9, 7, 16, 1, 3, 3),
        ConvolutionGeometry.Valid(3, 3, 16, 1, 3, 3),
        ConvolutionGeometry.Valid(4, 11, 33, 1, 1, 5),
        new ConvolutionGeometry(6, 8, 16, 1, 3, 3, 1, 1, 4, 0, 3, 5),
    ];

    [TestMethod]
    [DynamicData(nameof(InstructionSets))]
    public void Sums_the_products_of_all_patches(object isa)
    {
        using var workers = new Workers(2);
        foreach ((ConvolutionGeometry g, bool hasBias) in Shapes.SelectMany(g => new[] { (g, true), (g, false) }))
        {
            const int Examples = 3;
            double[][] images = [.. Enumerable.Range(0, Examples).Select(n => KernelCases.Random(g.H * g.W * g.C, n))];
            int p = g.PatchLength + (hasBias ? 1 : 0);
            var sum = new AlignedBuffer(p * p);
            // Twice, over what is there: what MoveTo adds to, and what it leaves in its own memory.
            BatchCovariance covariance = Of(g, images, hasBias, (InstructionSet)isa, workers);
            covariance.Add(new ExampleRange(0, 1));
            covariance.Add(new ExampleRange(1, Examples));
            covariance.MoveTo(sum, Examples);
            covariance.Add(new ExampleRange(0, Examples - 1));
            covariance.MoveTo(sum, Examples - 1);

            double[] expected = new double[p * p];
            for (int n = 0; n < Examples; n++)
            {
                Add(g, images[n], hasBias, n < Examples - 1 ? 2 : 1, expected);
            }

            double tolerance = KernelCases.Tolerance(2 * Examples * g.Locations);
            for (int row = 0; row < p; row++)
            {
                for (int column = 0; column <= row; column++)
                {
                    Assert.AreEqual(expected[row * p + column], sum.Span[row * p + column], tolerance, $"{g} [{row}, {column}]");
                }
            }
        }
    }

    [TestMethod]
    [DynamicData(nameof(InstructionSets))]
    public void Bits_are_the_same_for_any_number_of_workers(object isa)
    {
        ConvolutionGeometry g = ConvolutionGeometry.Same(14, 14, 32, 1, 3, 3);
        double[][] images = [KernelCases.Random(g.H * g.W * g.C, 1), KernelCases.Random(g.H * g.W * g.C, 2)];
        float[][] sums = [.. new[] { 1, 2, 5 }.Select(count =>
        {
            using var workers = new Workers(count);
            var sum = new AlignedBuffer((g.PatchLength + 1) * (g.PatchLength + 1));
            BatchCovariance covariance = Of(g, images, hasBias: true, (InstructionSet)isa, workers);
            covariance.Add(new ExampleRange(0, images.Length));
            covariance.MoveTo(sum, images.Length);
            return sum.Span.ToArray();
        })];
        CollectionAssert.AreEqual(sums[0], sums[1]);
        CollectionAssert.AreEqual(sums[0], sums[2]);
    }

    [TestMethod]
    public void Only_filters_that_move_a_pixel_over_many_channels_suit()
    {
        ConvolutionGeometry g = ConvolutionGeometry.Same(8, 8, 8, 4, 3, 3);
        Assert.IsTrue(PatchCovariance.Suits(g, InstructionSet.Vector128));
        Assert.IsFalse(PatchCovariance.Suits(g with { C = 3 }, InstructionSet.Vector128));
        Assert.IsFalse(PatchCovariance.Suits(g with { StrideX = 2 }, InstructionSet.Vector128));
        Assert.IsFalse(PatchCovariance.Suits(g with { StrideY = 2 }, InstructionSet.Vector128));
        Assert.IsFalse(PatchCovariance.Suits(g with { DilationX = 2 }, InstructionSet.Vector128));
        Assert.IsFalse(PatchCovariance.Suits(g with { DilationY = 2 }, InstructionSet.Vector128));
    }

    private static BatchCovariance Of(ConvolutionGeometry g, double[][] images, bool hasBias, InstructionSet isa, Workers workers)
    {
        var inputs = new ActivationBuffer(new ImageShape(g.H, g.W, g.C), new Halo(g.PadTop, g.PadLeft, g.PadBottom, g.PadRight), images.Length);
        for (int n = 0; n < images.Length; n++)
        {
            inputs.Write(n, Array.ConvertAll(images[n], value => (float)value));
        }

        return new BatchCovariance(new PatchCovariance(g, hasBias, isa), inputs, workers);
    }

    /// <summary>sum += weight · p pᵀ for every location's patch, straight from the definition.</summary>
    private static void Add(ConvolutionGeometry g, double[] image, bool hasBias, double weight, double[] sum)
    {
        int length = g.PatchLength + (hasBias ? 1 : 0);
        double[] patch = new double[length];
        patch[^1] = 1;
        for (int i = 0; i < g.OutH; i++)
        {
            for (int j = 0; j < g.OutW; j++)
            {
                for (int k = 0; k < g.PatchLength; k++)
                {
                    int row = i - g.PadTop + k / (g.S * g.C), column = j - g.PadLeft + k / g.C % g.S;
                    bool isInside = row >= 0 && row < g.H && column >= 0 && column < g.W;
                    patch[k] = isInside ? image[(row * g.W + column) * g.C + k % g.C] : 0;
                }

                for (int a = 0; a < length; a++)
                {
                    for (int b = 0; b <= a; b++)
                    {
                        sum[a * length + b] += weight * patch[a] * patch[b];
                    }
                }
            }
        }
    }
}
