using Kfac.Kernels;

namespace Kfac.Tests.Kernels;

/// <summary>Normalisations by channel against sums in double precision, with rows of maps apart and nothing else written.</summary>
[TestClass]
[TestCategory("Kernels")]
public sealed unsafe class ChannelNormalizationTests
{
    public static IEnumerable<object[]> InstructionSets => KernelCases.InstructionSets;

    private static IEnumerable<(int H, int W, int C)> Shapes =>
        from c in (int[])[1, 3, 4, 8, 10, 16, 17, 32, 33, 70]
        from map in ((int H, int W)[])[(1, 1), (2, 3), (7, 5), (3, 70)]
        select (map.H, map.W, c);

    [TestMethod]
    [DynamicData(nameof(InstructionSets))]
    public void Moments_are_those_of_each_channel(object isa)
    {
        foreach ((int h, int w, int c) in Shapes)
        {
            double[] x = Values(h * w * c, 1);
            (double[] mean, double[] deviations) = (new double[c], new double[c]);
            using GuardedImage input = GuardedImage.Of(h, w, c, default, x, 3);
            var kernel = new ChannelNormalization(h, w, c, (InstructionSet)isa);
            fixed (float* scratch = new float[kernel.ScratchLength])
            {
                kernel.Moments(input.Plane, mean, deviations, scratch);
            }

            double[] expected = [.. Enumerable.Range(0, c).Select(k => Channel(x, k, c).Average())];
            KernelCases.AreClose(expected, mean, 1e-5, $"{isa} {h} x {w} x {c} mean");
            KernelCases.AreClose([.. expected.Select((m, k) => Channel(x, k, c).Sum(v => (v - m) * (v - m)))], deviations, 1e-4, $"{isa} {h} x {w} x {c} deviations");
        }
    }

    [TestMethod]
    [DynamicData(nameof(InstructionSets))]
    public void Maps_and_gradients_are_those_of_the_formulas(object isa)
    {
        foreach ((int h, int w, int c) in Shapes)
        {
            (double[] x, double[] dy) = (Values(h * w * c, 1), Values(h * w * c, 2));
            (float[] mean, float[] scale, float[] shift, float[] slope) = (Floats(Values(c, 3)), Floats(Values(c, 4)), Floats(Values(c, 5)), Floats(Values(c, 6)));
            (double[] sums, double[] products) = (new double[c], new double[c]);
            using GuardedImage input = GuardedImage.Of(h, w, c, default, x, 3), gradient = GuardedImage.Of(h, w, c, default, dy, 1);
            using GuardedImage output = new(h, w, c, new Halo(1, 1, 2, 0)), rectified = new(h, w, c, new Halo(0, 1, 0, 2)), inputGradient = new(h, w, c, new Halo(0, 2, 1, 1));
            int[][] around = [output.Surroundings(), rectified.Surroundings(), inputGradient.Surroundings()];
            var kernel = new ChannelNormalization(h, w, c, (InstructionSet)isa);
            fixed (float* scratch = new float[kernel.ScratchLength], m = mean, a = scale, b = shift, s = slope)
            {
                kernel.Forward(input.Plane, output.Plane, m, a, b, relu: false);
                kernel.Forward(input.Plane, rectified.Plane, m, a, b, relu: true);
                kernel.GradientSums(input.Plane, gradient.Plane, m, sums, products, scratch);
                kernel.Backward(input.Plane, gradient.Plane, inputGradient.Plane, m, a, s, b);
            }

            double[] y = [.. x.Select((v, i) => (v - mean[i % c]) * scale[i % c] + shift[i % c])];
            string where = $"{isa} {h} x {w} x {c}";
            KernelCases.AreClose(y, output.Interior(), 1e-5, $"{where} y");
            KernelCases.AreClose([.. y.Select(v => Math.Max(v, 0))], rectified.Interior(), 1e-5, $"{where} rectified");
            KernelCases.AreClose([.. Enumerable.Range(0, c).Select(k => Channel(dy, k, c).Sum())], sums, 1e-4, $"{where} sums");
            KernelCases.AreClose([.. Enumerable.Range(0, c).Select(k => Channel(x, k, c).Zip(Channel(dy, k, c), (v, g) => g * (v - mean[k])).Sum())], products, 1e-4, $"{where} products");
            KernelCases.AreClose([.. dy.Select((g, i) => g * scale[i % c] + (x[i] - mean[i % c]) * slope[i % c] + shift[i % c])], inputGradient.Interior(), 1e-5, $"{where} dx");
            CollectionAssert.AreEqual(around[0], output.Surroundings());
            CollectionAssert.AreEqual(around[1], rectified.Surroundings());
            CollectionAssert.AreEqual(around[2], inputGradient.Surroundings());
        }
    }

    /// <summary>Random values that are floats.</summary>
    private static double[] Values(int count, int seed) => Array.ConvertAll(KernelCases.Random(count, seed), value => (double)(float)value);

    private static float[] Floats(double[] values) => Array.ConvertAll(values, value => (float)value);

    private static IEnumerable<double> Channel(double[] map, int channel, int channels) => map.Where((_, i) => i % channels == channel);
}
