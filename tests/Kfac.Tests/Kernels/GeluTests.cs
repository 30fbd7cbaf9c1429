using Kfac.Kernels;

namespace Kfac.Tests.Kernels;

/// <summary>GELU and its gradient against the formula in double precision.</summary>
[TestClass]
[TestCategory("Kernels")]
public sealed class GeluTests
{
    private const int LongestRun = 67;

    public static IEnumerable<object[]> InstructionSets => KernelCases.InstructionSets;

    [TestMethod]
    [DynamicData(nameof(InstructionSets))]
    public void Runs_of_any_length_are_the_formula(object isa)
    {
        for (int length = 0; length <= LongestRun; length++)
        {
            double[] values = Array.ConvertAll(KernelCases.Random(length, length), value => 5 * value), gradients = KernelCases.Random(length, length + 1);
            using GuardedFloats x = GuardedFloats.Of(values), y = new(length), dy = GuardedFloats.Of(gradients), dx = new(length);

            GeluKernel.Forward(x.Span, y.Span, (InstructionSet)isa);
            GeluKernel.Backward(x.Span, dy.Span, dx.Span, (InstructionSet)isa);

            for (int i = 0; i < length; i++)
            {
                Assert.AreEqual(Gelu(x.Span[i]), y.Span[i], 4e-7 * Math.Abs(x.Span[i]) + 1e-12, $"length {length}, y at {x.Span[i]}");
                Assert.AreEqual(Slope(x.Span[i]) * dy.Span[i], dx.Span[i], 1e-6, $"length {length}, dx at {x.Span[i]}");
            }

            float[] separate = dx.Span.ToArray();
            GeluKernel.Backward(x.Span, dy.Span, dy.Span, (InstructionSet)isa);
            CollectionAssert.AreEqual(separate, dy.Span.ToArray(), "in the memory of dy");
            Assert.IsTrue(y.IsIntact && dx.IsIntact && dy.IsIntact && x.IsIntact);
        }
    }

    [TestMethod]
    [DynamicData(nameof(InstructionSets))]
    public void Large_values_pass_or_vanish_and_what_is_no_number_stays_none(object isa)
    {
        float[] x = [0, -0f, 20, 1e4f, 1e30f, -20, -1e4f, -1e10f, 1e-30f, float.NaN, float.PositiveInfinity], y = new float[x.Length], dx = new float[x.Length];

        GeluKernel.Forward(x, y, (InstructionSet)isa);
        GeluKernel.Backward(x, [.. x.Select(_ => 1f)], dx, (InstructionSet)isa);

        CollectionAssert.AreEqual(new float[] { 0, 0, 20, 1e4f, 1e30f }, y[..5]);
        Assert.IsTrue(y[5..8].All(value => value is <= 0 and > -1e-6f));
        Assert.AreEqual(0.5e-30, y[8], 1e-36);
        Assert.IsTrue(float.IsNaN(y[9]) && float.IsNaN(dx[9]));
        Assert.AreEqual(float.PositiveInfinity, y[10]);
        CollectionAssert.AreEqual(new float[] { 0.5f, 0.5f, 1, 1, 1 }, dx[..5]);
        Assert.IsTrue(dx[5..8].All(value => Math.Abs(value) < 1e-6f));
    }

    private static double Gelu(double x) => 0.5 * x * (1 + Math.Tanh(U(x)));

    private static double Slope(double x)
    {
        double t = Math.Tanh(U(x));
        return 0.5 * (1 + t + x * (1 - t * t) * Math.Sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x * x));
    }

    private static double U(double x) => Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x);
}
