using Kfac.Layers;
using Kfac.Networks;

namespace Kfac.Running;

/// <summary>The one table from a layer as data to the layer that runs.</summary>
internal static class LayerFactory
{
    /// <summary>The running layer of <paramref name="spec"/> for examples of shape <paramref name="input"/>; a residual block is several (<see cref="NetworkGraph"/>).</summary>
    public static Layer Create(LayerSpec spec, string name, ImageShape input) => spec switch
    {
        Conv2DSpec convolution => new Conv2D(name, convolution, input),
        DenseSpec dense => new Dense(name, dense, input),
        FlattenSpec => new Flatten(name, input),
        ReluSpec => new Relu(name, input),
        LeakyReluSpec leaky => new LeakyRelu(name, leaky, input),
        GeluSpec => new Gelu(name, input),
        DropoutSpec dropout => new Dropout(name, dropout, input),
        MaxPool2DSpec pool => new MaxPool2D(name, pool, input),
        AveragePool2DSpec pool => new AveragePool2D(name, pool, input),
        GlobalAveragePoolSpec => new AveragePool2D(name, new AveragePool2DSpec(input.Height, input.Width, input.Height, input.Width), input),
        BatchNormSpec norm => new BatchNorm(name, norm, input),
        GroupNormSpec norm => new GroupNorm(name, norm, input),
        _ => throw new NotSupportedException($"no layer runs a {spec.GetType().Name}"),
    };
}
