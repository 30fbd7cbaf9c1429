using Kfac.Kernels;

namespace Kfac.Tests.Kernels;

/// <summary>What all kernel tests run over, and how close is close.</summary>
internal static class KernelCases
{
    /// <summary>Every instruction set this machine has.</summary>
    public static IEnumerable<object[]> InstructionSets => Kfac.Kernels.InstructionSets.Available.Select(isa => new object[] { isa });

    /// <summary>Shapes that meet every edge: odd sizes, strides, one-sided padding, filters larger than strides and smaller.</summary>
    public static IEnumerable<ConvolutionGeometry> Shapes
    {
        get
        {
            int[] channels = [1, 2, 3, 7, 8, 10, 16, 17, 32, 33, 64];
            foreach (int c in channels)
                foreach (int k in channels)
                    yield return ConvolutionGeometry.Same(5, 6, c, k, 3, 3);
            yield return ConvolutionGeometry.Same(28, 28, 1, 32, 3, 3);
            yield return ConvolutionGeometry.Same(28, 28, 1, 32, 5, 5);
            yield return ConvolutionGeometry.Same(14, 14, 32, 64, 5, 5);
            yield return ConvolutionGeometry.Same(32, 32, 3, 32, 3, 3);
            yield return ConvolutionGeometry.Same(28, 28, 32, 32, 3, 3);
            yield return ConvolutionGeometry.Same(14, 14, 64, 64, 3, 3);
            yield return ConvolutionGeometry.Same(8, 8, 64, 128, 3, 3);
            foreach (int k in (int[])[3, 10, 48])
                foreach (int c in (int[])[1, 3, 16])
                {
                    yield return ConvolutionGeometry.Valid(1, 1, c, k, 1, 1);
                    yield return ConvolutionGeometry.Same(7, 9, c, k, 1, 1);
                    yield return ConvolutionGeometry.Same(7, 9, c, k, 1, 1, 2, 3);
                    yield return ConvolutionGeometry.Valid(9, 7, c, k, 5, 5);
                    yield return ConvolutionGeometry.Same(9, 4, c, k, 5, 5);
                    yield return ConvolutionGeometry.Same(3, 7, c, k, 5, 5);
                    yield return ConvolutionGeometry.Valid(13, 31, c, k, 2, 3);
                    yield return ConvolutionGeometry.Same(15, 15, c, k, 4, 2, 2, 1);
                    yield return ConvolutionGeometry.Same(14, 13, c, k, 3, 3, 2, 2);
                    yield return ConvolutionGeometry.Same(11, 10, c, k, 5, 3, 3, 2);
                    yield return ConvolutionGeometry.Valid(12, 11, c, k, 2, 2, 3, 4);
                    yield return new ConvolutionGeometry(6, 8, c, k, 3, 3, 1, 1, 4, 0, 3, 5);
                    yield return new ConvolutionGeometry(7, 6, c, k, 2, 4, 2, 3, 0, 5, 3, 1);
                }
        }
    }

    public static IEnumerable<object[]> ShapesByInstructionSet =>
        from isa in Kfac.Kernels.InstructionSets.Available
        from g in Shapes
        select new object[] { isa, g };

    /// <summary>Values in [-1, 1) that a float holds exactly.</summary>
    public static double[] Random(int length, int seed)
    {
        Random random = new(seed);
        double[] values = new double[length];
        for (int i = 0; i < length; i++)
            values[i] = random.NextSingle() * 2f - 1f;
        return values;
    }

    /// <summary>
    /// A sum of n float products in any order is within n * 2^-24 * sum |a b| of the exact one (Higham, Accuracy and Stability,
    /// 3.1, to first order). With |a|, |b| below 1 that is n * n * 2^-24 at the worst, and about the square root of it, n * 2^-24,
    /// where roundings and signs are random; four times that is what is asked for. Winograd's error is measured at twice that
    /// of the definition for 3 x 3 filters, and at most four times for 5 x 5.
    /// </summary>
    public static double Tolerance(int terms, bool winograd = false) => (winograd ? 16.0 : 4.0) * Math.Max(terms, 4) * Math.Pow(2, -24);

    public static void AreClose(double[] expected, double[] actual, double tolerance, string what)
    {
        Assert.HasCount(expected.Length, actual, what);
        for (int i = 0; i < expected.Length; i++)
            if (!(Math.Abs(expected[i] - actual[i]) <= tolerance))
                Assert.Fail($"{what}[{i}]: expected {expected[i]:R}, actual {actual[i]:R}, off by {expected[i] - actual[i]:E2}, tolerance {tolerance:E2}.");
    }
}
