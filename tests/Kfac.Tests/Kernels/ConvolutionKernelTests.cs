using Kfac.Kernels;
using Kfac.Tests.Oracles;

namespace Kfac.Tests.Kernels;

[TestClass]
[TestCategory("Kernels")]
public sealed unsafe class ConvolutionKernelTests
{
    public static IEnumerable<object[]> Shapes => KernelCases.ShapesByInstructionSet;

    public static IEnumerable<object[]> InstructionSets => KernelCases.InstructionSets;

    [TestMethod]
    [DynamicData(nameof(Shapes))]
    public void Forward_is_the_correlation(object isa, object geometry) =>
        Forward((InstructionSet)isa, (ConvolutionGeometry)geometry, bias: true, relu: false, default, 0, winograd: false);

    [TestMethod]
    [DynamicData(nameof(InstructionSets))]
    public void Forward_applies_a_ReLU_and_goes_without_a_bias(object isa)
    {
        foreach (ConvolutionGeometry g in SomeShapes)
        {
            Forward((InstructionSet)isa, g, bias: false, relu: false, default, 0);
            Forward((InstructionSet)isa, g, bias: true, relu: true, default, 0);
        }
    }

    [TestMethod]
    [DynamicData(nameof(InstructionSets))]
    public void Larger_halos_and_longer_rows_change_nothing(object isa)
    {
        foreach (ConvolutionGeometry g in SomeShapes)
        {
            Halo more = new(1, 2, 3, 1);
            Forward((InstructionSet)isa, g, bias: true, relu: true, more, 5);
            BackwardData((InstructionSet)isa, g, gated: false, more, 5);
            BackwardData((InstructionSet)isa, g, gated: true, more, 5);
            BackwardFilter((InstructionSet)isa, g, more, 5);
        }
    }

    [TestMethod]
    [DynamicData(nameof(Shapes))]
    public void Backward_data_is_the_transposed_correlation(object isa, object geometry)
    {
        BackwardData((InstructionSet)isa, (ConvolutionGeometry)geometry, gated: false, default, 0, winograd: false);
        BackwardData((InstructionSet)isa, (ConvolutionGeometry)geometry, gated: true, default, 0, winograd: false);
    }

    [TestMethod]
    [DynamicData(nameof(Shapes))]
    public void Backward_filter_sums_over_locations_then_squares(object isa, object geometry) =>
        BackwardFilter((InstructionSet)isa, (ConvolutionGeometry)geometry, default, 0, winograd: false);

    [TestMethod]
    [DynamicData(nameof(InstructionSets))]
    public void Winograd_is_within_its_tolerance(object isa)
    {
        foreach (ConvolutionGeometry g in WinogradShapes)
        {
            Assert.IsTrue(new ConvolutionKernel(g, (InstructionSet)isa).UsesWinograd, $"{g}");
            foreach (Halo more in (Halo[])[default, new(1, 2, 3, 1)])
            {
                Forward((InstructionSet)isa, g, bias: true, relu: true, more, more.Left);
                Forward((InstructionSet)isa, g, bias: false, relu: false, more, more.Left);
                BackwardData((InstructionSet)isa, g, gated: false, more, more.Left);
                BackwardData((InstructionSet)isa, g, gated: true, more, more.Left);
                BackwardFilter((InstructionSet)isa, g, more, more.Left);
            }
        }
    }

    [TestMethod]
    [DynamicData(nameof(InstructionSets))]
    public void Sums_that_are_not_wanted_are_left_out(object isa)
    {
        foreach (ConvolutionGeometry g in SomeShapes)
        {
            ConvolutionKernel kernel = new(g, (InstructionSet)isa);
            double[] x = KernelCases.Random(g.H * g.W * g.C, 1), dy = KernelCases.Random(g.Locations * g.K, 2);
            double[][] all = FilterSumsOf(kernel, x, dy, 0b1111);
            for (int wanted = 0; wanted < 16; wanted++)
            {
                if (wanted is 0b0100 or 0b1000 or 0b1100)
                    continue; // The bias alone: FilterSums forbids it.
                double[][] some = FilterSumsOf(kernel, x, dy, wanted);
                for (int part = 0; part < 4; part++)
                    CollectionAssert.AreEqual((wanted >> part & 1) == 1 ? all[part] : new double[all[part].Length], some[part]);
            }
        }
    }

    [TestMethod]
    [DynamicData(nameof(InstructionSets))]
    public void Filters_five_wide_on_grey_images_read_no_padding_backwards(object isa)
    {
        ConvolutionGeometry[] shapes =
        [
            ConvolutionGeometry.Same(28, 28, 1, 32, 5, 5),
            ConvolutionGeometry.Same(9, 4, 1, 10, 5, 5),
            ConvolutionGeometry.Same(3, 7, 1, 48, 5, 5),
            ConvolutionGeometry.Same(6, 9, 1, 17, 3, 5),
        ];
        foreach (ConvolutionGeometry g in shapes)
        {
            ConvolutionKernel kernel = new(g, (InstructionSet)isa);
            double[] dy = KernelCases.Random(g.Locations * g.K, 2);
            double[] x = KernelCases.Random(g.H * g.W, 1);
            double[][] padded = FilterSumsOf(kernel, x, dy, 0b1111);
            // Rows follow each other with NaN between them, as many as there would be columns of padding.
            using GuardedImage input = GuardedImage.Of(g.H, g.W, 1, default, x, extraRowFloats: 4);
            using GuardedImage outputGradient = GuardedImage.Of(g.OutH, g.OutW, g.K, default, dy);
            using Sums sums = new(g);
            using GuardedFloats scratch = new(kernel.ScratchLength);
            kernel.BackwardFilter(input.Plane, outputGradient.Plane, sums.Wanted(0b1111), scratch.Pointer);
            for (int part = 0; part < 4; part++)
                CollectionAssert.AreEqual(padded[part], sums.Values[part], $"{g} {part}");
        }
    }

    [TestMethod]
    [DynamicData(nameof(InstructionSets))]
    public void Examples_of_one_call_give_the_bits_of_separate_calls(object isa)
    {
        foreach (ConvolutionGeometry g in SomeShapes)
        {
            ConvolutionKernel kernel = new(g, (InstructionSet)isa);
            Halo halo = kernel.InputHalo;
            const int Examples = 3;
            // Examples one below the other are one tall image each of whose parts starts after a fixed number of rows.
            int step = g.H + halo.Top + halo.Bottom;
            double[] tall = new double[step * Examples * g.W * g.C];
            double[] dy = KernelCases.Random(g.Locations * g.K * Examples, 7);
            for (int e = 0; e < Examples; e++)
                KernelCases.Random(g.H * g.W * g.C, 20 + e).CopyTo(tall, e * step * g.W * g.C);
            using GuardedImage x = GuardedImage.Of(step * Examples, g.W, g.C, halo, tall);
            using GuardedImage gradient = GuardedImage.Of(g.OutH * Examples, g.OutW, g.K, default, dy);
            using Sums together = new(g), apart = new(g);
            using GuardedFloats scratch = new(kernel.ScratchLength);

            nint xStep = step * x.Plane.RowStride, dyStep = g.OutH * gradient.Plane.RowStride;
            kernel.BackwardFilter(new ImageBatch(x.Plane, xStep, Examples), new ImageBatch(gradient.Plane, dyStep, Examples), together.Wanted(0b1111), scratch.Pointer);
            for (int e = 0; e < Examples; e++)
                kernel.BackwardFilter(
                    new ImagePlane(x.Plane.Origin + e * xStep, x.Plane.RowStride),
                    new ImagePlane(gradient.Plane.Origin + e * dyStep, gradient.Plane.RowStride),
                    apart.Wanted(0b1111), scratch.Pointer);

            for (int part = 0; part < 4; part++)
                CollectionAssert.AreEqual(apart.Values[part], together.Values[part]);
        }
    }

    [TestMethod]
    [DynamicData(nameof(InstructionSets))]
    public void Runs_give_the_same_bits(object isa)
    {
        foreach (ConvolutionGeometry g in SomeShapes)
        {
            CollectionAssert.AreEqual(
                Forward((InstructionSet)isa, g, bias: true, relu: false, default, 0),
                Forward((InstructionSet)isa, g, bias: true, relu: false, new Halo(0, 1, 0, 0), 3));
            CollectionAssert.AreEqual(
                BackwardData((InstructionSet)isa, g, gated: false, default, 0),
                BackwardData((InstructionSet)isa, g, gated: false, new Halo(0, 1, 0, 0), 3));
        }
    }

    private static ConvolutionGeometry[] SomeShapes =>
    [
        ConvolutionGeometry.Same(8, 9, 3, 10, 3, 3),
        ConvolutionGeometry.Same(14, 14, 16, 40, 3, 3),
        ConvolutionGeometry.Same(13, 10, 17, 24, 3, 3),
        ConvolutionGeometry.Same(10, 13, 16, 20, 5, 5),
        ConvolutionGeometry.Same(9, 7, 5, 33, 5, 2, 2, 1),
        ConvolutionGeometry.Valid(12, 11, 8, 17, 2, 2, 3, 4),
    ];

    private static ConvolutionGeometry[] WinogradShapes =>
    [
        ConvolutionGeometry.Same(28, 28, 32, 32, 3, 3),
        ConvolutionGeometry.Same(14, 14, 32, 64, 3, 3),
        ConvolutionGeometry.Same(13, 17, 19, 33, 3, 3),
        ConvolutionGeometry.Same(2, 35, 16, 17, 3, 3),
        ConvolutionGeometry.Same(36, 2, 17, 16, 3, 3),
        ConvolutionGeometry.Same(5, 130, 64, 64, 3, 3),
        ConvolutionGeometry.Same(7, 7, 96, 101, 3, 3),
        ConvolutionGeometry.Same(3, 3, 128, 64, 3, 3),
        ConvolutionGeometry.Valid(15, 14, 17, 24, 3, 3),
        new ConvolutionGeometry(14, 11, 16, 16, 3, 3, 1, 1, 2, 0, 1, 3),
        ConvolutionGeometry.Same(14, 14, 32, 64, 5, 5),
        ConvolutionGeometry.Same(13, 9, 19, 33, 5, 5),
        ConvolutionGeometry.Same(130, 128, 16, 16, 3, 3),
        new ConvolutionGeometry(14, 11, 16, 17, 5, 5, 1, 1, 0, 3, 4, 1),
    ];

    private static double[] Forward(InstructionSet isa, ConvolutionGeometry g, bool bias, bool relu, Halo more, int extra, bool winograd = true)
    {
        ConvolutionKernel kernel = new(g, isa, winograd);
        double[] x = KernelCases.Random(g.H * g.W * g.C, 1), filter = KernelCases.Random(g.PatchLength * g.K, 2), b = KernelCases.Random(g.K, 3);
        using GuardedImage input = GuardedImage.Of(g.H, g.W, g.C, Sum(kernel.InputHalo, more), x, extra);
        using GuardedImage output = new(g.OutH, g.OutW, g.K, more, extra);
        using GuardedFloats weights = GuardedFloats.Of(filter), biases = GuardedFloats.Of(b);
        using GuardedFloats packed = new(kernel.PackedForwardLength), scratch = new(kernel.ScratchLength);
        int[] surroundings = output.Surroundings();

        kernel.PackForward(weights.Pointer, packed.Pointer);
        kernel.Forward(input.Plane, packed.Pointer, bias ? biases.Pointer : null, relu, output.Plane, scratch.Pointer, Prefetch(packed));

        double[] expected = NaiveConvolution.Forward(g, x, filter, bias ? b : null);
        if (relu)
            expected = Array.ConvertAll(expected, v => Math.Max(v, 0.0));
        KernelCases.AreClose(expected, output.Interior(), KernelCases.Tolerance(g.PatchLength, kernel.UsesWinograd), $"{isa} {g} y");
        CollectionAssert.AreEqual(surroundings, output.Surroundings());
        Assert.IsTrue(packed.IsIntact && scratch.IsIntact);
        return output.Interior();
    }

    private static double[] BackwardData(InstructionSet isa, ConvolutionGeometry g, bool gated, Halo more, int extra, bool winograd = true)
    {
        ConvolutionKernel kernel = new(g, isa, winograd);
        double[] dy = KernelCases.Random(g.Locations * g.K, 4), filter = KernelCases.Random(g.PatchLength * g.K, 5), x = KernelCases.Random(g.H * g.W * g.C, 6);
        using GuardedImage outputGradient = GuardedImage.Of(g.OutH, g.OutW, g.K, Sum(kernel.OutputGradientHalo, more), dy, extra);
        using GuardedImage inputGradient = new(g.H, g.W, g.C, more, extra);
        using GuardedImage gate = GuardedImage.Of(g.H, g.W, g.C, new Halo(1, 1, 0, 2), x);
        using GuardedFloats weights = GuardedFloats.Of(filter);
        using GuardedFloats packed = new(kernel.PackedBackwardLength), scratch = new(kernel.ScratchLength);
        int[] surroundings = inputGradient.Surroundings();

        kernel.PackBackward(weights.Pointer, packed.Pointer);
        kernel.BackwardData(outputGradient.Plane, packed.Pointer, inputGradient.Plane, gated ? gate.Plane : default(ImageBatch), scratch.Pointer, Prefetch(packed));

        double[] expected = NaiveConvolution.BackwardData(g, dy, filter);
        for (int i = 0; gated && i < expected.Length; i++)
            expected[i] = x[i] > 0 ? expected[i] : 0.0;
        KernelCases.AreClose(expected, inputGradient.Interior(), KernelCases.Tolerance(g.R * g.S * g.K, kernel.UsesWinograd), $"{isa} {g} dx");
        CollectionAssert.AreEqual(surroundings, inputGradient.Surroundings());
        Assert.IsTrue(packed.IsIntact && scratch.IsIntact);
        return inputGradient.Interior();
    }

    private static void BackwardFilter(InstructionSet isa, ConvolutionGeometry g, Halo more, int extra, bool winograd = true)
    {
        ConvolutionKernel kernel = new(g, isa, winograd);
        double[] x = KernelCases.Random(g.H * g.W * g.C, 1), dy = KernelCases.Random(g.Locations * g.K, 2);
        double[][] sums = FilterSumsOf(kernel, x, dy, 0b1111, more, extra);

        double[] gradient = NaiveConvolution.FilterGradient(g, x, dy), bias = NaiveConvolution.BiasGradient(g, dy);
        double tolerance = KernelCases.Tolerance(g.Locations, kernel.UsesWinograd);
        // (t + e)^2 = t^2 + 2 t e + ..., and |t| is below the number of terms, in practice below four times its root.
        double squareTolerance = tolerance * 8 * Math.Sqrt(g.Locations + 4);
        KernelCases.AreClose(gradient, sums[0], tolerance, $"{isa} {g} gradient");
        KernelCases.AreClose(Array.ConvertAll(gradient, v => v * v), sums[1], squareTolerance, $"{isa} {g} squares");
        KernelCases.AreClose(bias, sums[2], tolerance, $"{isa} {g} bias gradient");
        KernelCases.AreClose(Array.ConvertAll(bias, v => v * v), sums[3], squareTolerance, $"{isa} {g} bias squares");
    }

    private static double[][] FilterSumsOf(ConvolutionKernel kernel, double[] x, double[] dy, int wanted, Halo more = default, int extra = 0)
    {
        ConvolutionGeometry g = kernel.Geometry;
        using GuardedImage input = GuardedImage.Of(g.H, g.W, g.C, Sum(kernel.InputHalo, more), x, extra);
        using GuardedImage outputGradient = GuardedImage.Of(g.OutH, g.OutW, g.K, more, dy, extra);
        using Sums sums = new(g);
        using GuardedFloats scratch = new(kernel.ScratchLength);
        kernel.BackwardFilter(input.Plane, outputGradient.Plane, sums.Wanted(wanted), scratch.Pointer, Prefetch(scratch));
        Assert.IsTrue(sums.AreIntact && scratch.IsIntact);
        return sums.Values;
    }

    /// <summary>Some memory to look ahead to, which changes nothing.</summary>
    private static Prefetcher Prefetch(GuardedFloats memory)
    {
        var ahead = new Prefetcher(capacity: 1);
        ahead.Add(memory.Pointer, memory.Span.Length);
        return ahead;
    }

    private static Halo Sum(Halo a, Halo b) => new(a.Top + b.Top, a.Left + b.Left, a.Bottom + b.Bottom, a.Right + b.Right);

    /// <summary>The four sums, zero at first.</summary>
    private sealed class Sums : IDisposable
    {
        private readonly GuardedFloats[] _parts;

        public Sums(ConvolutionGeometry g)
        {
            _parts = [new(g.PatchLength * g.K), new(g.PatchLength * g.K), new(g.K), new(g.K)];
            foreach (GuardedFloats part in _parts)
                part.Span.Clear();
        }

        public bool AreIntact => _parts.All(part => part.IsIntact);

        public double[][] Values => [.. _parts.Select(part => part.ToDoubles())];

        /// <summary>Those whose bit is set.</summary>
        public FilterGradientTarget Wanted(int bits) => new(
            (bits & 1) != 0 ? _parts[0].Pointer : null, (bits & 2) != 0 ? _parts[1].Pointer : null,
            (bits & 4) != 0 ? _parts[2].Pointer : null, (bits & 8) != 0 ? _parts[3].Pointer : null);

        public void Dispose()
        {
            foreach (GuardedFloats part in _parts)
                part.Dispose();
        }
    }
}
