using Kfac.Fisher;
using Kfac.Kernels;
using Kfac.Layers;
using Kfac.Parallel;
using Kfac.Tests.Kernels;

namespace Kfac.Tests.Fisher;

[TestClass]
[TestCategory("Kernels")]
public sealed class PatchCovarianceTests
{
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
    [DataRow(true)]
    [DataRow(false)]
    public void SumsTheProductsOfAllPatches(bool hasBias)
    {
        using var workers = new Workers(2);
        foreach (ConvolutionGeometry g in Shapes)
        {
            const int Examples = 3;
            double[][] images = [.. Enumerable.Range(0, Examples).Select(n => KernelCases.Random(g.H * g.W * g.C, n))];
            int p = g.PatchLength + (hasBias ? 1 : 0);
            var sum = new AlignedBuffer(p * p);
            // Twice, over what is there: what AddTo adds to, and what it leaves in its own memory.
            PatchCovariance covariance = Of(g, images, hasBias, workers);
            covariance.AddTo(sum, Examples);
            covariance.AddTo(sum, Examples - 1);

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
    public void BitsAreTheSameForAnyNumberOfWorkers()
    {
        ConvolutionGeometry g = ConvolutionGeometry.Same(14, 14, 32, 1, 3, 3);
        double[][] images = [KernelCases.Random(g.H * g.W * g.C, 1), KernelCases.Random(g.H * g.W * g.C, 2)];
        float[][] sums = [.. new[] { 1, 2, 5 }.Select(count =>
        {
            using var workers = new Workers(count);
            var sum = new AlignedBuffer((g.PatchLength + 1) * (g.PatchLength + 1));
            Of(g, images, hasBias: true, workers).AddTo(sum, images.Length);
            return sum.Span.ToArray();
        })];
        CollectionAssert.AreEqual(sums[0], sums[1]);
        CollectionAssert.AreEqual(sums[0], sums[2]);
    }

    [TestMethod]
    public void OnlyFiltersThatMoveAPixelOverManyChannelsSuit()
    {
        Assert.IsTrue(PatchCovariance.Suits(ConvolutionGeometry.Same(8, 8, 16, 4, 3, 3)));
        Assert.IsFalse(PatchCovariance.Suits(ConvolutionGeometry.Same(8, 8, 16, 4, 3, 3, 2, 1)));
        Assert.IsFalse(PatchCovariance.Suits(ConvolutionGeometry.Same(8, 8, 16, 4, 3, 3, 1, 2)));
        Assert.IsFalse(PatchCovariance.Suits(ConvolutionGeometry.Same(8, 8, 16, 4, 3, 3) with { DilationX = 2 }));
        Assert.AreEqual(InstructionSets.Current == InstructionSet.Scalar, PatchCovariance.Suits(ConvolutionGeometry.Same(8, 8, 1, 4, 3, 3)));
    }

    private static PatchCovariance Of(ConvolutionGeometry g, double[][] images, bool hasBias, Workers workers)
    {
        var inputs = new ActivationBuffer(new ImageShape(g.H, g.W, g.C), new Halo(g.PadTop, g.PadLeft, g.PadBottom, g.PadRight), images.Length);
        for (int n = 0; n < images.Length; n++)
        {
            inputs.Write(n, Array.ConvertAll(images[n], value => (float)value));
        }

        return new PatchCovariance(g, inputs, hasBias, workers);
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
