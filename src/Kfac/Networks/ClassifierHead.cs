namespace Kfac.Networks;

/// <summary>The last layer of a network with weights, whose outputs are the classes.</summary>
internal static class ClassifierHead
{
    /// <summary>The same network for another number of classes.</summary>
    /// <returns>The network, and the layers before its head, whose parameters come first.</returns>
    /// <exception cref="NotSupportedException">No single layer gives the classes.</exception>
    public static (NetworkSpec Spec, NetworkSpec Kept) Replace(NetworkSpec spec, int classes)
    {
        LayerSpec[] layers = [.. spec.Layers];
        int head = Array.FindLastIndex(layers, layer => layer is DenseSpec or Conv2DSpec || (layer is ResidualSpec && layer.HasParameters));
        LayerSpec? replaced = head < 0 ? null : layers[head] switch
        {
            DenseSpec dense => dense with { Units = classes },
            Conv2DSpec { Groups: 1 } convolution => convolution with { Filters = classes, IsFrozen = false, Initialization = FilterInitialization.HeNormal },
            _ => null,
        };
        if (replaced is null)
        {
            throw CannotBeReplaced(spec, head < 0 ? "no layer with weights" : layers[head].ToString());
        }

        layers[head] = replaced;
        try
        {
            var other = new NetworkSpec(spec.Input, layers);
            return other.Output == ImageShape.Flat(classes)
                ? (other, new NetworkSpec(spec.Input, [.. layers.Take(head)]))
                : throw CannotBeReplaced(spec, $"{replaced}, but then an output of {other.Output}");
        }
        catch (ArgumentException e)
        {
            throw CannotBeReplaced(spec, e.Message);
        }
    }

    private static NotSupportedException CannotBeReplaced(NetworkSpec spec, string end) =>
        new($"the last layer can be replaced where it is a dense layer or a convolution without groups, and gives one value for each of {spec.Output.Size} classes; this network has {end}");
}
