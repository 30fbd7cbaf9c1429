using Kfac.Kernels;
using Kfac.Layers;
using Kfac.Networks;

namespace Kfac.Tests.Kernels;

/// <summary>Lengths and costs of convolutions over millions of pixels.</summary>
[TestClass]
public sealed class LargeGeometryTests
{
    [TestMethod]
    [DataRow(1400, 1400)]
    [DataRow(1080, 1920)]
    [DataRow(2800, 2900)]
    public void Every_convolution_of_the_default_network_can_be_planned(int height, int width)
    {
        var input = new ImageShape(height, width, 3);
        foreach (LayerSpec layer in NetworkSpec.SmallCnn(input, 10).Layers)
        {
            if (layer is Conv2DSpec convolution)
            {
                ConvolutionGeometry geometry = Conv2D.GeometryOf(convolution, input);
                var kernel = IConvolutionKernel.For(geometry);
                Assert.IsGreaterThanOrEqualTo(geometry.PatchLength * geometry.K, kernel.PackedForwardLength);
                Assert.IsGreaterThanOrEqualTo(geometry.PatchLength * geometry.K, kernel.PackedBackwardLength);
                Assert.IsGreaterThanOrEqualTo(0, kernel.ScratchLength);
            }

            input = layer.InferOutput(input);
        }
    }

    [TestMethod]
    public void A_packed_filter_of_more_values_than_an_array_holds_is_no_small_one() =>
        Assert.ThrowsExactly<OverflowException>(() => IConvolutionKernel.For(Conv2D.GeometryOf(new Conv2DSpec(1, 32, 32), new ImageShape(1, 1, 262_160))));
}
