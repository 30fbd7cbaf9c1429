using Kfac.Kernels;
using Kfac.Memory;
using Kfac.Tests.Oracles;

namespace Kfac.Tests.Kernels;

/// <summary>Convolutions of any dilation and groups, against the definition.</summary>
[TestClass]
public sealed unsafe class GeneralConvolutionKernelTests
{
    private const int Examples = 2;

    public static IEnumerable<object[]> Geometries =>
    [
        [new ConvolutionGeometry(6, 5, 2, 3, 3, 2, 1, 1, 1, 0, 1, 1)],
        [new ConvolutionGeometry(7, 9, 3, 4, 3, 3, 1, 1, 2, 2, 2, 2, 2, 2)],
        [new ConvolutionGeometry(8, 7, 2, 5, 2, 3, 2, 1, 0, 3, 2, 1, 3, 2)],
        [new ConvolutionGeometry(5, 6, 4, 6, 3, 3, 1, 2, 1, 1, 1, 1, 1, 1, 2)],
        [new ConvolutionGeometry(5, 4, 3, 9, 2, 2, 1, 1, 0, 0, 1, 1, 1, 1, 3)],
        [new ConvolutionGeometry(6, 6, 19, 19, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 19)],
        [new ConvolutionGeometry(7, 6, 5, 5, 3, 1, 1, 1, 4, 0, 4, 0, 4, 1, 5)],
        [new ConvolutionGeometry(4, 4, 6, 4, 3, 3, 3, 1, 1, 1, 1, 1, 1, 2, 2)],
    ];

    [TestMethod]
    [DynamicData(nameof(Geometries))]
    public void Passes_are_the_definitions(object geometry)
    {
        var g = (ConvolutionGeometry)geometry;
        var kernel = new GeneralConvolutionKernel(g);
        var random = new Random(3);
        double[] filter = Draw(g.PatchLength * g.K), bias = Draw(g.K);
        double[][] x = [.. Enumerable.Range(0, Examples).Select(_ => Draw(g.H * g.W * g.C))], dy = [.. Enumerable.Range(0, Examples).Select(_ => Draw(g.Locations * g.K))];
        ActivationBuffer image = Load(x, new ImageShape(g.H, g.W, g.C), kernel.InputHalo), gradient = Load(dy, new ImageShape(g.OutH, g.OutW, g.K), kernel.OutputGradientHalo);
        ActivationBuffer output = Load(dy, gradient.Shape, new Halo(1, 2, 0, 1)), inputGradient = Load(x, image.Shape, new Halo(0, 1, 2, 0));
        AlignedBuffer packed = Copy(filter), offsets = Copy(bias), scratch = new(kernel.ScratchLength);

        kernel.PackForward(Copy(filter).Pointer, packed.Pointer);
        kernel.Forward(image[0], packed.Pointer, offsets.Pointer, relu: false, output[0], scratch.Pointer);
        AssertClose(NaiveConvolution.Forward(g, x[0], filter, bias), Read(output, 0), "forward");
        kernel.Forward(image[1], packed.Pointer, null, relu: true, output[1], scratch.Pointer);
        AssertClose([.. NaiveConvolution.Forward(g, x[1], filter).Select(y => Math.Max(y, 0))], Read(output, 1), "forward, rectified, no bias");

        kernel.PackBackward(Copy(filter).Pointer, packed.Pointer);
        kernel.BackwardData(gradient[0], packed.Pointer, inputGradient[0], default, scratch.Pointer);
        double[] dx = NaiveConvolution.BackwardData(g, dy[0], filter);
        AssertClose(dx, Read(inputGradient, 0), "backward data");
        kernel.BackwardData(gradient[0], packed.Pointer, inputGradient[1], image[0], scratch.Pointer);
        AssertClose([.. dx.Zip(x[0], (d, v) => v > 0 ? d : 0)], Read(inputGradient, 1), "backward data, gated");

        AlignedBuffer sums = new(filter.Length), squares = new(filter.Length), biasSums = new(g.K), biasSquares = new(g.K);
        kernel.BackwardFilter(image[new ExampleRange(0, Examples)], gradient[new ExampleRange(0, Examples)], new FilterGradientTarget(sums.Pointer, squares.Pointer, biasSums.Pointer, biasSquares.Pointer), scratch.Pointer);
        kernel.BackwardFilter(image[0], gradient[0], default, scratch.Pointer);
        double[][] own = [.. x.Zip(dy, (a, b) => NaiveConvolution.FilterGradient(g, a, b))], ownBias = [.. dy.Select(b => NaiveConvolution.BiasGradient(g, b))];
        AssertClose([.. own[0].Zip(own[1], (a, b) => a + b)], sums.Span, "filter");
        AssertClose([.. own[0].Zip(own[1], (a, b) => a * a + b * b)], squares.Span, "filter, squares");
        AssertClose([.. ownBias[0].Zip(ownBias[1], (a, b) => a + b)], biasSums.Span, "bias");
        AssertClose([.. ownBias[0].Zip(ownBias[1], (a, b) => a * a + b * b)], biasSquares.Span, "bias, squares");

        double[] Draw(int length) => [.. Enumerable.Range(0, length).Select(_ => (double)(float)(random.NextDouble() * 2 - 1))];
    }

    [TestMethod]
    public void Tuned_kernel_serves_what_it_can()
    {
        Assert.IsInstanceOfType<ConvolutionKernel>(IConvolutionKernel.For(new ConvolutionGeometry(6, 5, 2, 4, 3, 2, 1, 2, 1, 0, 1, 1)));
        Assert.IsInstanceOfType<GeneralConvolutionKernel>(IConvolutionKernel.For(new ConvolutionGeometry(6, 5, 2, 4, 3, 2, 1, 2, 1, 0, 1, 1, 1, 2)));
        Assert.IsInstanceOfType<GeneralConvolutionKernel>(IConvolutionKernel.For(new ConvolutionGeometry(6, 5, 2, 4, 3, 2, 1, 2, 1, 0, 1, 1, Groups: 2)));
    }

    private static ActivationBuffer Load(double[][] values, ImageShape shape, Halo halo)
    {
        var buffer = new ActivationBuffer(shape, halo, Examples);
        for (int n = 0; n < Examples; n++)
        {
            buffer.Write(n, Array.ConvertAll(values[n], v => (float)v));
        }

        return buffer;
    }

    private static AlignedBuffer Copy(double[] values)
    {
        var buffer = new AlignedBuffer(values.Length);
        Array.ConvertAll(values, v => (float)v).CopyTo(buffer.Span);
        return buffer;
    }

    private static float[] Read(ActivationBuffer buffer, int example)
    {
        var values = new float[buffer.Shape.Size];
        buffer.Read(example, values);
        return values;
    }

    /// <summary>Single precision over sums of at most a hundred terms of size one.</summary>
    private static void AssertClose(double[] expected, ReadOnlySpan<float> actual, string what)
    {
        Assert.AreEqual(expected.Length, actual.Length, what);
        double scale = Math.Max(1, expected.Max(Math.Abs));
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.AreEqual(expected[i], actual[i], 1e-5 * scale, $"{what}, value {i}");
        }
    }
}
