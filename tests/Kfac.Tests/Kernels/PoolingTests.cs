using Kfac.Kernels;

namespace Kfac.Tests.Kernels;

[TestClass]
[TestCategory("Kernels")]
public sealed class PoolingTests
{
    public static IEnumerable<object[]> InstructionSets => KernelCases.InstructionSets;

    private static IEnumerable<PoolingGeometry> Shapes =>
        from c in (int[])[1, 3, 4, 8, 10, 16, 17, 32, 33]
        from g in new PoolingGeometry[]
        {
            new(8, 6, c, 2, 2, 2, 2, 0, 0, 0, 0),
            new(7, 9, c, 2, 2, 2, 2, 0, 0, 0, 0),
            new(7, 9, c, 2, 2, 2, 2, 0, 0, 1, 1),
            new(9, 8, c, 3, 3, 2, 2, 1, 0, 1, 1),
            new(6, 7, c, 3, 2, 1, 1, 0, 0, 0, 0),
            new(5, 5, c, 1, 2, 3, 2, 0, 0, 0, 0),
        }
        select g;

    [TestMethod]
    [DynamicData(nameof(InstructionSets))]
    public void Forward_takes_the_maximum_and_backward_goes_to_the_first(object isa)
    {
        foreach (PoolingGeometry g in Shapes)
            foreach (bool rectified in (bool[])[false, true])
            {
                // Few different values, so that most windows have ties.
                double[] x = Array.ConvertAll(KernelCases.Random(g.H * g.W * g.C, 1), v => Math.Round(v * 2));
                double[] dy = Array.ConvertAll(KernelCases.Random(g.OutH * g.OutW * g.C, 2), v => Math.Round(v * 100));
                if (rectified)
                    x = Array.ConvertAll(x, v => Math.Max(v, 0));
                (double[] expectedY, double[] expectedDx) = Naive(g, x, dy, rectified);
                using GuardedImage input = GuardedImage.Of(g.H, g.W, g.C, default, x, 3), gradient = GuardedImage.Of(g.OutH, g.OutW, g.C, default, dy, 1);
                using GuardedImage output = new(g.OutH, g.OutW, g.C, new Halo(1, 1, 2, 0)), winners = new(g.OutH, g.OutW, g.C, new Halo(0, 1, 0, 2)), inputGradient = new(g.H, g.W, g.C, new Halo(0, 2, 1, 1));
                int[] aroundOutput = output.Surroundings(), aroundWinners = winners.Surroundings(), aroundGradient = inputGradient.Surroundings();

                Pooling.MaxForward(g, input.Plane, output.Plane, winners.Plane, rectified, (InstructionSet)isa);
                Pooling.MaxBackward(g, winners.Plane, gradient.Plane, inputGradient.Plane, (InstructionSet)isa);

                KernelCases.AreClose(expectedY, output.Interior(), 0, $"{isa} {g} y");
                KernelCases.AreClose(expectedDx, inputGradient.Interior(), 0, $"{isa} {g} dx");
                CollectionAssert.AreEqual(aroundOutput, output.Surroundings());
                CollectionAssert.AreEqual(aroundWinners, winners.Surroundings());
                CollectionAssert.AreEqual(aroundGradient, inputGradient.Surroundings());

                using GuardedImage alone = new(g.OutH, g.OutW, g.C, default);
                Pooling.MaxForward(g, input.Plane, alone.Plane, isa: (InstructionSet)isa);
                CollectionAssert.AreEqual(output.Interior(), alone.Interior());
            }
    }

    private static (double[] Y, double[] Dx) Naive(PoolingGeometry g, double[] x, double[] dy, bool rectified)
    {
        double[] y = new double[g.OutH * g.OutW * g.C], dx = new double[x.Length];
        for (int o = 0; o < y.Length; o++)
        {
            (int i, int j, int c) = (o / g.C / g.OutW, o / g.C % g.OutW, o % g.C);
            int first = -1;
            for (int r = i * g.StrideY - g.PadTop; r < i * g.StrideY - g.PadTop + g.R; r++)
                for (int s = j * g.StrideX - g.PadLeft; s < j * g.StrideX - g.PadLeft + g.S; s++)
                    if (r >= 0 && r < g.H && s >= 0 && s < g.W && (first < 0 || x[(r * g.W + s) * g.C + c] > x[first]))
                        first = (r * g.W + s) * g.C + c;
            y[o] = x[first];
            if (!rectified || y[o] > 0)
                dx[first] += dy[o];
        }
        return (y, dx);
    }
}

[TestClass]
[TestCategory("Kernels")]
public sealed class ReluKernelTests
{
    public static IEnumerable<object[]> InstructionSets => KernelCases.InstructionSets;

    [TestMethod]
    [DynamicData(nameof(InstructionSets))]
    public void All_lengths_in_place(object isa)
    {
        for (int length = 0; length <= 70; length++)
        {
            double[] x = KernelCases.Random(length, 1), dy = KernelCases.Random(length, 2);
            using GuardedFloats y = GuardedFloats.Of(x), gradient = GuardedFloats.Of(dy);

            ReluKernel.Forward(y.Span, (InstructionSet)isa);
            ReluKernel.Backward(y.Span, gradient.Span, (InstructionSet)isa);

            CollectionAssert.AreEqual(Array.ConvertAll(x, v => Math.Max(v, 0.0)), y.ToDoubles());
            CollectionAssert.AreEqual(dy.Select((v, i) => x[i] > 0 ? v : 0.0).ToArray(), gradient.ToDoubles());
            Assert.IsTrue(y.IsIntact && gradient.IsIntact);
        }
    }

    [TestMethod]
    [DynamicData(nameof(InstructionSets))]
    public void Not_a_number_stays_visible(object isa)
    {
        float[] y = [.. Enumerable.Repeat(float.NaN, 37)];
        ReluKernel.Forward(y, (InstructionSet)isa);
        Assert.IsTrue(y.All(float.IsNaN));
    }
}
