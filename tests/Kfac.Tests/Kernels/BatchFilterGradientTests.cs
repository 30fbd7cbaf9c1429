using Kfac.Kernels;
using Kfac.Tests.Oracles;

namespace Kfac.Tests.Kernels;

/// <summary>Means over a batch of the examples' filter gradients and of their squares, against the definition, units in any order.</summary>
[TestClass]
[TestCategory("Kernels")]
public sealed unsafe class BatchFilterGradientTests
{
    private const int Count = 11;

    /// <summary>Maps of one tile and of four, low and narrow ones too, filters of several blocks and panels.</summary>
    private static ConvolutionGeometry[] Shapes =>
    [
        ConvolutionGeometry.Same(3, 3, 32, 33, 3, 3),
        ConvolutionGeometry.Same(4, 3, 50, 48, 3, 3),
        ConvolutionGeometry.Same(7, 6, 130, 129, 3, 3),
        ConvolutionGeometry.Valid(7, 7, 128, 130, 5, 5),
    ];

    public static IEnumerable<object[]> ShapesByInstructionSet =>
        from isa in InstructionSets.Available
        from g in Shapes
        select new object[] { isa, g };

    [TestMethod]
    [DynamicData(nameof(ShapesByInstructionSet))]
    public void Gradients_are_the_mean_of_the_definition(object isa, object geometry)
    {
        var g = (ConvolutionGeometry)geometry;
        ConvolutionKernel kernel = new(g, (InstructionSet)isa);
        Assert.IsNotNull(kernel.BatchGradient, $"{g}");
        double[][] means = Run(kernel, kernel.BatchGradient, backwards: false, squares: false);
        double tolerance = KernelCases.Tolerance(g.Locations * Count, winograd: true) / Count;
        KernelCases.AreClose(Mean(g, gradient => gradient), means[0], tolerance, $"{isa} {g} gradient");
        KernelCases.AreClose(MeanOfBias(g, gradient => gradient), means[2], tolerance, $"{isa} {g} bias");
        double[][] again = Run(kernel, kernel.BatchGradient, backwards: true, squares: false);
        CollectionAssert.AreEqual(means[0], again[0]);
        CollectionAssert.AreEqual(means[2], again[2]);
    }

    [TestMethod]
    [DynamicData(nameof(ShapesByInstructionSet))]
    public void Squares_are_the_mean_of_the_examples_own(object isa, object geometry)
    {
        var g = (ConvolutionGeometry)geometry;
        ConvolutionKernel kernel = new(g, (InstructionSet)isa);
        double[][] means = Run(kernel, kernel.BatchSquares!, backwards: false, squares: true);
        double tolerance = KernelCases.Tolerance(g.Locations), squareTolerance = tolerance * 8 * Math.Sqrt(g.Locations + 4);
        KernelCases.AreClose(Mean(g, gradient => gradient), means[0], tolerance, $"{isa} {g} gradient");
        KernelCases.AreClose(Mean(g, gradient => gradient * gradient), means[1], squareTolerance, $"{isa} {g} squares");
        KernelCases.AreClose(MeanOfBias(g, gradient => gradient), means[2], tolerance, $"{isa} {g} bias");
        KernelCases.AreClose(MeanOfBias(g, gradient => gradient * gradient), means[3], squareTolerance, $"{isa} {g} bias squares");
        double[][] again = Run(kernel, kernel.BatchSquares!, backwards: true, squares: true);
        for (int part = 0; part < 4; part++)
        {
            CollectionAssert.AreEqual(means[part], again[part]);
        }
    }

    [TestMethod]
    public void Small_filters_and_large_maps_are_added_up_by_slices()
    {
        Assert.IsNull(new ConvolutionKernel(ConvolutionGeometry.Same(28, 28, 32, 32, 3, 3)).BatchGradient);
        Assert.IsNull(new ConvolutionKernel(ConvolutionGeometry.Same(3, 3, 16, 16, 3, 3)).BatchGradient);
        Assert.IsNull(new ConvolutionKernel(ConvolutionGeometry.Same(7, 7, 256, 256, 3, 3), winograd: false).BatchGradient);
    }

    private static double[][] Run(ConvolutionKernel kernel, IBatchFilterGradient over, bool backwards, bool squares)
    {
        ConvolutionGeometry g = kernel.Geometry;
        Halo halo = kernel.InputHalo;
        int rows = g.H + halo.Top + halo.Bottom;
        using GuardedImage dy = GuardedImage.Of(Count * g.OutH, g.OutW, g.K, default, [.. Enumerable.Range(0, Count).SelectMany(n => Dy(g, n))]);
        GuardedFloats[] means = [new(g.PatchLength * g.K), new(g.PatchLength * g.K), new(g.K), new(g.K)];
        using GuardedFloats scratch = new(over.ScratchLength(Count));
        var target = new FilterGradientTarget(means[0].Pointer, squares ? means[1].Pointer : null, means[2].Pointer, squares ? means[3].Pointer : null);

        // Backwards, its parts come one after the other, too.
        Range[] parts = backwards ? [.. Enumerable.Range(0, over.Parts).Reverse().Select(part => part..(part + 1))] : [0..over.Parts];
        foreach (Range wanted in parts)
        {
            using GuardedImage x = GuardedImage.Of(Count * rows, g.W, g.C, halo, Tall(g, rows, over.ChannelsOf(wanted)));
            for (int phase = 0; phase < over.Phases(Count); phase++)
            {
                int units = over.Units(phase, Count, wanted);
                for (int unit = 0; unit < units; unit++)
                {
                    over.Run(phase, backwards ? units - 1 - unit : unit, wanted, new ImageBatch(x.Plane, rows * x.Plane.RowStride, Count), new ImageBatch(dy.Plane, g.OutH * dy.Plane.RowStride, Count), target, scratch.Pointer);
                }
            }
        }

        Assert.IsTrue(scratch.IsIntact && means.All(mean => mean.IsIntact));
        double[][] values = [.. means.Select(mean => mean.ToDoubles())];
        foreach (GuardedFloats mean in means)
        {
            mean.Dispose();
        }

        return values;
    }

    /// <summary>The examples one below the other; NaN where a channel is not to be read.</summary>
    private static double[] Tall(ConvolutionGeometry g, int rows, Range channels)
    {
        double[] tall = new double[Count * rows * g.W * g.C];
        for (int n = 0; n < Count; n++)
        {
            X(g, n).CopyTo(tall, n * rows * g.W * g.C);
        }

        for (int i = 0; i < tall.Length; i++)
        {
            int channel = i % g.C;
            tall[i] = channel >= channels.Start.Value && channel < channels.End.Value ? tall[i] : double.NaN;
        }

        return tall;
    }

    private static double[] X(ConvolutionGeometry g, int example) => KernelCases.Random(g.H * g.W * g.C, 20 + example);

    private static double[] Dy(ConvolutionGeometry g, int example) => KernelCases.Random(g.Locations * g.K, 50 + example);

    private static double[] Mean(ConvolutionGeometry g, Func<double, double> of) => Mean(n => NaiveConvolution.FilterGradient(g, X(g, n), Dy(g, n)), of);

    private static double[] MeanOfBias(ConvolutionGeometry g, Func<double, double> of) => Mean(n => NaiveConvolution.BiasGradient(g, Dy(g, n)), of);

    private static double[] Mean(Func<int, double[]> gradient, Func<double, double> of) =>
        Enumerable.Range(0, Count).Select(n => Array.ConvertAll(gradient(n), value => of(value) / Count)).Aggregate((a, b) => [.. a.Zip(b, (p, q) => p + q)]);
}
