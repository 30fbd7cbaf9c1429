using Kfac.Kernels;

namespace Kfac.Tests.Kernels;

/// <summary>
/// Small integers, so that every sum is exact: the diagonal is the mean over examples of the square of the sum over locations,
/// and not the sum over locations of squares (69, 113, 237, 317 | 6 for the first case), nor the square of the batch's sum.
/// </summary>
[TestClass]
[TestCategory("Kernels")]
public sealed unsafe class PerExampleSquareTests
{
    private static readonly double[] Image = [1, 2, 3, 4, 5, 6, 7, 8, 9], GradientValid = [1, -1, 2, 0], GradientSame = [1, -1, 2, 0, 3, -2, 1, 0, -1];

    public static IEnumerable<object[]> Cases =>
        from isa in InstructionSets.Available
        from c in new (string, ConvolutionGeometry, double[], double[], double[], double[])[]
        {
            ("2x2 valid", ConvolutionGeometry.Valid(3, 3, 1, 1, 2, 2), Image, GradientValid, [49, 81, 169, 225], [4]),
            ("2x2 same", ConvolutionGeometry.Same(3, 3, 1, 1, 2, 2), Image, GradientSame, [36, 625, 289, 676], [9]),
            ("3x3 same", ConvolutionGeometry.Same(3, 3, 1, 1, 3, 3), Image, GradientSame, [36, 4, 196, 9, 36, 625, 121, 289, 676], [9]),
            ("2x2 same, stride 2", ConvolutionGeometry.Same(3, 3, 1, 1, 2, 2, 2, 2), Image, GradientValid, [144, 324, 4, 25], [4]),
            ("3x3 same, stride 2", ConvolutionGeometry.Same(3, 3, 1, 1, 3, 3, 2, 2), Image, GradientValid, [0, 64, 100, 4, 144, 324, 25, 4, 25], [4]),
            ("1x1, two channels", ConvolutionGeometry.Valid(2, 2, 2, 2, 1, 1), [1, -1, 0, 2, 3, 1, -2, 0], [1, 2, 0, -1, -1, 1, 2, 0], [36, 25, 4, 9], [4, 4]),
            ("2x2 same, two channels", ConvolutionGeometry.Same(2, 2, 2, 2, 2, 2), [1, -1, 0, 2, 3, 1, -2, 0], [1, 2, 0, -1, -1, 1, 2, 0],
                [36, 25, 4, 9, 4, 4, 4, 16, 9, 64, 1, 4, 4, 16, 0, 0], [4, 4]),
        }
        select new object[] { isa, c.Item1, c.Item2, c.Item3, c.Item4, c.Item5, c.Item6 };

    public static IEnumerable<object[]> AllInstructionSets => KernelCases.InstructionSets;

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void One_example(object isa, string name, object geometry, double[] x, double[] dy, double[] squares, double[] biasSquares)
    {
        double[][] sums = Run((InstructionSet)isa, (ConvolutionGeometry)geometry, [(x, dy)]);
        CollectionAssert.AreEqual(squares, sums[0], name);
        CollectionAssert.AreEqual(biasSquares, sums[1], name);
    }

    [TestMethod]
    [DynamicData(nameof(AllInstructionSets))]
    public void Examples_are_squared_one_by_one(object isa)
    {
        double[][] sums = Run((InstructionSet)isa, ConvolutionGeometry.Valid(3, 3, 1, 1, 2, 2),
            [(Image, GradientValid), ([0, 1, 0, -1, 2, 1, 3, 0, -2], [0, 2, -1, 1])]);
        CollectionAssert.AreEqual(new[] { 2 * 37.0, 2 * 41, 2 * 85, 2 * 112.5 }, sums[0]);
        CollectionAssert.AreEqual(new[] { 2 * 4.0 }, sums[1]);
    }

    private static double[][] Run(InstructionSet isa, ConvolutionGeometry g, (double[] X, double[] Dy)[] examples)
    {
        ConvolutionKernel kernel = new(g, isa);
        using GuardedFloats squares = new(g.PatchLength * g.K), biasSquares = new(g.K), scratch = new(kernel.ScratchLength);
        squares.Span.Clear();
        biasSquares.Span.Clear();
        foreach ((double[] x, double[] dy) in examples)
        {
            using GuardedImage input = GuardedImage.Of(g.H, g.W, g.C, kernel.InputHalo, x), gradient = GuardedImage.Of(g.OutH, g.OutW, g.K, default, dy);
            kernel.BackwardFilter(input.Plane, gradient.Plane, new FilterGradientTarget(null, squares.Pointer, null, biasSquares.Pointer), scratch.Pointer);
        }
        return [squares.ToDoubles(), biasSquares.ToDoubles()];
    }
}
