using Kfac.Kernels;
using Kfac.Tests.Oracles;

namespace Kfac.Tests.Kernels;

/// <summary>A call for several examples, more than go together at a time, against the definition and against a call for each.</summary>
[TestClass]
[TestCategory("Kernels")]
public sealed unsafe class ExamplesTogetherTests
{
    /// <summary>Maps of few tiles, low and narrow ones too, whose filters are small, fill a block, or several; and others.</summary>
    private static ConvolutionGeometry[] Shapes =>
    [
        ConvolutionGeometry.Same(7, 7, 96, 101, 3, 3),
        ConvolutionGeometry.Same(3, 3, 256, 130, 3, 3),
        ConvolutionGeometry.Same(6, 5, 17, 33, 3, 3),
        ConvolutionGeometry.Same(10, 6, 64, 320, 3, 3),
        ConvolutionGeometry.Valid(7, 8, 48, 16, 5, 5),
        ConvolutionGeometry.Same(14, 14, 16, 40, 3, 3),
        ConvolutionGeometry.Same(6, 5, 3, 10, 3, 3, 2, 1),
    ];

    public static IEnumerable<object[]> ShapesByInstructionSet =>
        from isa in InstructionSets.Available
        from g in Shapes
        select new object[] { isa, g };

    [TestMethod]
    [DynamicData(nameof(ShapesByInstructionSet))]
    public void Forward_gives_the_bits_of_a_call_for_each(object isa, object geometry)
    {
        var g = (ConvolutionGeometry)geometry;
        ConvolutionKernel kernel = new(g, (InstructionSet)isa);
        double[] filter = KernelCases.Random(g.PatchLength * g.K, 1), bias = KernelCases.Random(g.K, 2);
        using Examples x = new(kernel.PreferredExamples + 3, g.H, g.W, g.C, kernel.InputHalo), y = new(x.Count, g.OutH, g.OutW, g.K, default);
        using GuardedFloats weights = GuardedFloats.Of(filter), biases = GuardedFloats.Of(bias);
        using GuardedFloats packed = new(kernel.PackedForwardLength), scratch = new(kernel.ScratchLength);
        kernel.PackForward(weights.Pointer, packed.Pointer);
        int[] surroundings = y.Surroundings();

        kernel.Forward(x.Batch, packed.Pointer, biases.Pointer, relu: false, y.Batch, scratch.Pointer);

        for (int n = 0; n < x.Count; n++)
        {
            double[] together = y.Interior(n);
            KernelCases.AreClose(NaiveConvolution.Forward(g, x.Values(n), filter, bias), together, KernelCases.Tolerance(g.PatchLength, kernel.UsesWinograd), $"{isa} {g} y of {n}");
            kernel.Forward(x.Batch[n], packed.Pointer, biases.Pointer, relu: false, y.Batch[n], scratch.Pointer);
            CollectionAssert.AreEqual(together, y.Interior(n), $"{isa} {g} y of {n}");
        }

        CollectionAssert.AreEqual(surroundings, y.Surroundings());
        Assert.IsTrue(packed.IsIntact && scratch.IsIntact);
    }

    [TestMethod]
    [DynamicData(nameof(ShapesByInstructionSet))]
    public void Backward_data_gives_the_bits_of_a_call_for_each(object isa, object geometry)
    {
        var g = (ConvolutionGeometry)geometry;
        ConvolutionKernel kernel = new(g, (InstructionSet)isa);
        double[] filter = KernelCases.Random(g.PatchLength * g.K, 1);
        using Examples dy = new(kernel.PreferredExamples + 3, g.OutH, g.OutW, g.K, kernel.OutputGradientHalo);
        using Examples dx = new(dy.Count, g.H, g.W, g.C, default), gate = new(dy.Count, g.H, g.W, g.C, default);
        using GuardedFloats weights = GuardedFloats.Of(filter), packed = new(kernel.PackedBackwardLength), scratch = new(kernel.ScratchLength);
        kernel.PackBackward(weights.Pointer, packed.Pointer);
        int[] surroundings = dx.Surroundings();

        kernel.BackwardData(dy.Batch, packed.Pointer, dx.Batch, gate.Batch, scratch.Pointer);

        for (int n = 0; n < dy.Count; n++)
        {
            double[] together = dx.Interior(n);
            double[] expected = [.. NaiveConvolution.BackwardData(g, dy.Values(n), filter).Zip(gate.Values(n), (value, x) => x > 0 ? value : 0)];
            KernelCases.AreClose(expected, together, KernelCases.Tolerance(g.R * g.S * g.K, kernel.UsesWinograd), $"{isa} {g} dx of {n}");
            kernel.BackwardData(dy.Batch[n], packed.Pointer, dx.Batch[n], gate.Batch[n], scratch.Pointer);
            CollectionAssert.AreEqual(together, dx.Interior(n), $"{isa} {g} dx of {n}");
        }

        CollectionAssert.AreEqual(surroundings, dx.Surroundings());
        Assert.IsTrue(packed.IsIntact && scratch.IsIntact);
    }

    [TestMethod]
    [DynamicData(nameof(ShapesByInstructionSet))]
    public void Gradients_without_squares_are_those_of_the_definition(object isa, object geometry)
    {
        var g = (ConvolutionGeometry)geometry;
        ConvolutionKernel kernel = new(g, (InstructionSet)isa);
        using Examples x = new(11, g.H, g.W, g.C, kernel.InputHalo), dy = new(x.Count, g.OutH, g.OutW, g.K, default);
        using GuardedFloats gradient = new(g.PatchLength * g.K), bias = new(g.K), scratch = new(kernel.ScratchLength);
        gradient.Span.Clear();
        bias.Span.Clear();

        kernel.BackwardFilter(x.Batch, dy.Batch, new FilterGradientTarget(gradient.Pointer, null, bias.Pointer, null), scratch.Pointer);

        double tolerance = KernelCases.Tolerance(g.Locations * x.Count, kernel.UsesWinograd);
        KernelCases.AreClose(Sum(n => NaiveConvolution.FilterGradient(g, x.Values(n), dy.Values(n))), gradient.ToDoubles(), tolerance, $"{isa} {g} gradient");
        KernelCases.AreClose(Sum(n => NaiveConvolution.BiasGradient(g, dy.Values(n))), bias.ToDoubles(), tolerance, $"{isa} {g} bias gradient");
        Assert.IsTrue(gradient.IsIntact && bias.IsIntact && scratch.IsIntact);

        double[] Sum(Func<int, double[]> of) => Enumerable.Range(0, x.Count).Select(of).Aggregate((a, b) => [.. a.Zip(b, (p, q) => p + q)]);
    }

    /// <summary>Maps of random values with halos, one below the other in one guarded image: what lies between is zero, or NaN where no halo is asked for.</summary>
    private sealed class Examples : IDisposable
    {
        private readonly int _rows, _length, _height;
        private readonly double[] _values;
        private readonly GuardedImage _all;

        public Examples(int count, int h, int w, int c, Halo halo)
        {
            (Count, _height, _rows, _length) = (count, h, h + halo.Top + halo.Bottom, w * c);
            _values = KernelCases.Random(count * _rows * _length, 3 + h + w + c);
            for (int i = 0; i < _values.Length; i++)
            {
                if (i / _length % _rows >= h)
                {
                    _values[i] = 0;
                }
            }

            _all = GuardedImage.Of(count * _rows, w, c, halo, _values);
        }

        public int Count { get; }

        public ImageBatch Batch => new(_all.Plane, _rows * _all.Plane.RowStride, Count);

        public double[] Values(int example) => _values[(example * _rows * _length)..(((example * _rows) + _height) * _length)];

        public double[] Interior(int example) => _all.Interior()[(example * _rows * _length)..(((example * _rows) + _height) * _length)];

        public int[] Surroundings() => _all.Surroundings();

        public void Dispose() => _all.Dispose();
    }
}
