using Kfac.Layers;
using Kfac.Networks;

namespace Kfac.Fuzz;

/// <summary>Networks that run in no time.</summary>
public static class SmallNetwork
{
    /// <summary>Most values of a map in one example.</summary>
    public const long MaxValues = 6_000;

    /// <summary>Most multiply-adds of one example.</summary>
    private const long MaxMultiplyAdds = 400_000;

    /// <summary>Whether plain loops can run a network, and anything else in no time.</summary>
    public static bool IsSmall(NetworkSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        return Math.Max(spec.Input.Size, spec.Shapes.Max(shape => shape.Size)) <= MaxValues && MultiplyAdds(spec.Layers, spec.Input) <= MaxMultiplyAdds;
    }

    private static long MultiplyAdds(IEnumerable<LayerSpec> layers, ImageShape input)
    {
        long sum = 0;
        foreach (LayerSpec layer in layers)
        {
            sum += layer switch
            {
                Conv2DSpec convolution => Conv2D.GeometryOf(convolution, input).MultiplyAdds,
                DenseSpec dense => (long)input.Size * dense.Units,
                ResidualSpec residual => MultiplyAdds(residual.Body, input) + MultiplyAdds(residual.Shortcut, input),
                _ => input.Size,
            };
            input = layer.InferOutput(input);
        }

        return sum;
    }
}
