using Kfac.Memory;
using Kfac.Networks;
using Kfac.Parallel;
using Kfac.Running;
using Kfac.Tests.Oracles;

namespace Kfac.Tests.Running;

/// <summary>Small networks of every kind of layer, with parameters and a batch of images.</summary>
internal static class NetworkCases
{
    public const int Examples = 5;

    public const int Classes = 3;

    public static IEnumerable<object[]> Networks =>
    [
        ["dense", NetworkSpec.For(1, 1, 7).Dense(Classes)],
        ["dense without bias", NetworkSpec.For(1, 1, 7).Add(new DenseSpec(4, UseBias: false)).Relu().Add(new DenseSpec(Classes, UseBias: false))],
        ["flatten and two dense", NetworkSpec.For(3, 2, 2).Flatten().Dense(9).Relu().Dense(Classes)],
        ["convolution", NetworkSpec.For(5, 4, 2).Conv(3, 3).Flatten().Dense(Classes)],
        ["convolution without bias", NetworkSpec.For(5, 4, 2).Add(new Conv2DSpec(3, 3, 3, UseBias: false)).Flatten().Dense(Classes)],
        ["VALID, even kernel", NetworkSpec.For(6, 5, 1).Conv(2, 2, padding: Padding.Valid).Relu().Flatten().Dense(Classes)],
        ["strides", NetworkSpec.For(7, 6, 1).Conv(3, 3, stride: 2).Relu().Conv(4, 2, stride: 2).Relu().Flatten().Dense(Classes)],
        ["unequal kernel and stride", NetworkSpec.For(6, 7, 2).Add(new Conv2DSpec(3, 1, 4, 1, 2)).Relu().Add(new Conv2DSpec(2, 4, 1, 2, 1)).Flatten().Dense(Classes)],
        ["relu, relu", NetworkSpec.For(4, 4, 1).Conv(3, 3).Relu().Relu().Conv(2, 3).Relu().Flatten().Relu().Dense(Classes)],
        ["starts with relu and pool", NetworkSpec.For(6, 6, 2).Relu().MaxPool(2).Conv(3, 3).Flatten().Dense(Classes)],
        ["pool", NetworkSpec.For(6, 6, 1).Conv(3, 3).MaxPool(2).Conv(4, 3).Relu().MaxPool(3).Flatten().Dense(5).Relu().Dense(Classes)],
        ["overlapping pool", NetworkSpec.For(7, 7, 1).Conv(2, 3).Relu().Add(new MaxPool2DSpec(3, 2, 2, 1)).Conv(3, 1).Flatten().Dense(Classes)],
        ["wide", NetworkSpec.For(4, 4, 1).Conv(17, 3).Relu().Conv(3, 3).Relu().MaxPool(2).Flatten().Dense(19).Relu().Dense(Classes)],
        ["residual, identity", NetworkSpec.For(4, 4, 2).Residual(body => body.Conv(3, 3).Relu().Conv(2, 3)).Relu().Flatten().Dense(Classes)],
        ["residual behind a ReLU, with a shortcut", NetworkSpec.For(5, 4, 1).Conv(2, 3).Relu().Residual(body => body.Conv(3, 3, stride: 2).Relu().Conv(3, 3), shortcut => shortcut.Conv(3, 1, stride: 2)).Relu().Conv(2, 2).Flatten().Dense(Classes)],
        ["branches that begin and end with a ReLU", NetworkSpec.For(4, 4, 1).Conv(2, 3).Residual(body => body.Relu().Conv(2, 3).Relu(), shortcut => shortcut.Relu()).Conv(2, 3).Flatten().Dense(Classes)],
        ["branch that is a ReLU alone", NetworkSpec.For(4, 4, 1).Conv(2, 3).Residual(body => body.Relu()).Relu().Flatten().Dense(Classes)],
        ["nested residuals", NetworkSpec.For(4, 4, 1).Conv(2, 3).Residual(
            body => body.Residual(inner => inner.Conv(2, 3).Relu()).Conv(2, 3).Residual(inner => inner.Relu().Conv(2, 1)),
            shortcut => shortcut.Residual(inner => inner.Conv(2, 1))).Residual(body => body.Conv(2, 3)).Flatten().Dense(Classes)],
        ["residual of the image itself", NetworkSpec.For(4, 4, 1).Residual(body => body.Relu(), shortcut => shortcut.Conv(1, 3)).Residual(body => body.Conv(1, 3)).Flatten().Dense(Classes)],
        ["residual of nothing that is trained", NetworkSpec.For(4, 4, 1).Residual(body => body.Relu()).Conv(2, 3).Flatten().Dense(Classes)],
        ["residual of dense layers", NetworkSpec.For(2, 2, 2).Residual(body => body.Flatten().Dense(5).Relu().Dense(6), shortcut => shortcut.Flatten().Dense(6)).Residual(body => body.Flatten().Relu().Dense(6)).Dense(Classes)],
        ["pooling in both branches", NetworkSpec.For(6, 6, 1).Conv(2, 3).Residual(body => body.Conv(2, 3).Relu().MaxPool(2), shortcut => shortcut.MaxPool(2)).Relu().Flatten().Dense(Classes)],
        ["residual that ends the network", NetworkSpec.For(1, 1, 4).Residual(body => body.Dense(5).Relu().Dense(Classes), shortcut => shortcut.Dense(Classes))],
        ["batch normalisation", NetworkSpec.For(4, 3, 2).Conv(3, 3).BatchNorm().Relu().Conv(2, 3).BatchNorm(0.5f, 0.1f).Flatten().Dense(Classes)],
        ["batch normalisation of the image and of vectors", NetworkSpec.For(3, 3, 2).BatchNorm().Flatten().Dense(4).BatchNorm().Relu().Dense(Classes)],
        ["batch normalisation in residuals", NetworkSpec.For(4, 4, 1).Conv(2, 3).Residual(body => body.BatchNorm().Relu().Conv(2, 3).BatchNorm()).Residual(
            body => body.Conv(3, 3, stride: 2).BatchNorm().Relu().Conv(3, 3).BatchNorm(), shortcut => shortcut.Conv(3, 1, stride: 2).BatchNorm()).Relu().Flatten().Dense(Classes)],
        ["batch normalisation that ends the network", NetworkSpec.For(1, 1, 4).Dense(Classes).BatchNorm()],
        ["layer normalisation", NetworkSpec.For(4, 3, 2).Conv(3, 3).LayerNorm().Relu().Conv(2, 3).LayerNorm(0.1f).Flatten().Dense(4).LayerNorm().Dense(Classes)],
        ["group normalisation", NetworkSpec.For(4, 3, 4).GroupNorm(4).Conv(6, 3).GroupNorm(3).Relu().Residual(body => body.GroupNorm(2).Conv(6, 1)).Flatten().Dense(Classes)],
        ["average pooling", NetworkSpec.For(6, 5, 2).Conv(3, 3).Relu().AveragePool(2).Conv(2, 2).Add(new AveragePool2DSpec(2, 1, 1, 1)).Flatten().Dense(Classes)],
        ["global average pooling", NetworkSpec.For(4, 3, 2).Conv(4, 3).Relu().GlobalAveragePool().Dense(Classes)],
        ["leaky ReLU", NetworkSpec.For(4, 3, 2).Conv(3, 3).LeakyRelu(0.2f).Conv(17, 3).MaxPool(2).LeakyRelu().Residual(body => body.LeakyRelu(0.5f)).Flatten().Dense(Classes)],
        ["GELU", NetworkSpec.For(4, 3, 2).Conv(3, 3).Gelu().Residual(body => body.Gelu().Conv(3, 3).Gelu()).Gelu().Flatten().Dense(4).Gelu().Dense(Classes)],
        ["dilation", NetworkSpec.For(6, 7, 2).Conv(3, 3, dilation: 2).Relu().Add(new Conv2DSpec(2, 2, 3, 2, 1, Padding.Valid, DilationY: 3, DilationX: 1)).Flatten().Dense(Classes)],
        ["groups", NetworkSpec.For(4, 3, 4).Conv(6, 3, groups: 2).Relu().Conv(3, 2, groups: 3, useBias: false).LeakyRelu().Conv(6, 1, groups: 3).Flatten().Dense(Classes)],
        ["depthwise", NetworkSpec.For(5, 4, 3).DepthwiseConv(3).Relu().Conv(17, 1).DepthwiseConv(3, stride: 2, dilation: 2).Relu().GlobalAveragePool().Dense(Classes)],
        ["symmetric padding", NetworkSpec.For(6, 6, 2).Conv(3, 3, stride: 2, Padding.Symmetric).Relu().Conv(2, 4, padding: Padding.Symmetric).Conv(2, 3, stride: 2, Padding.Symmetric, dilation: 2, groups: 2).Flatten().Dense(Classes)],
        ["residual of a separable convolution", NetworkSpec.For(4, 4, 2).Conv(3, 3).Relu().Residual(body => body.DepthwiseConv(3).BatchNorm().Relu().Conv(3, 1)).Relu().Flatten().Dense(Classes)],
        ["Winograd, gradients of slices and of the whole batch", NetworkSpec.For(4, 4, 16).Conv(17, 3).Relu().Conv(32, 3, useBias: false).Gelu().Conv(33, 3).Relu().Residual(body => body.Conv(33, 3, useBias: false).Relu()).MaxPool(4).Flatten().Dense(Classes)],
        ["ends in a convolution", NetworkSpec.For(3, 3, 2).Conv(Classes, 3, padding: Padding.Valid)],
    ];

    /// <summary>The same and one with a dropout, whose mask no oracle knows.</summary>
    public static IEnumerable<object[]> NetworksWithDropout =>
        [.. Networks, ["dropout", NetworkSpec.For(4, 4, 1).Conv(3, 3).Dropout().Relu().Dropout(0.25f).Flatten().Dense(5).Dropout().Dense(Classes)]];

    public static (Network Network, double[][] Images, int[] Labels) Build(NetworkSpec spec, Workers workers, int examples = Examples)
    {
        var random = new Random(7);
        var network = new Network(spec, examples, workers, trains: true);
        network.Initialize(seed: 1);
        foreach (Parameter parameter in network.Parameters.Where(parameter => parameter.Kind != ParameterKind.Weights))
        {
            foreach (ref float value in parameter.MutableValues)
            {
                value += (float)(0.3 * random.NextGaussian());
            }
        }

        double[][] images = [.. Enumerable.Range(0, examples).Select(_ => Enumerable.Range(0, spec.Input.Size).Select(_ => (double)(float)random.NextGaussian()).ToArray())];
        for (int n = 0; n < examples; n++)
        {
            network.Input.Write(n, Array.ConvertAll(images[n], v => (float)v));
        }

        return (network, images, [.. Enumerable.Range(0, examples).Select(n => n % Classes)]);
    }
}
