namespace Kfac.Networks;

/// <summary>Layers one after the other: a network, or a branch of a residual block.</summary>
internal static class LayerSequence
{
    /// <summary>Most values one example may have anywhere in the network: 1 GiB of floats.</summary>
    private const int MaxValues = 1 << 28;

    /// <summary>All <paramref name="layers"/>, each residual block followed by the layers of its body and shortcut.</summary>
    public static IEnumerable<LayerSpec> Flatten(IEnumerable<LayerSpec> layers) =>
        layers.SelectMany(layer => layer is ResidualSpec residual ? Flatten(residual.Body.Concat(residual.Shortcut)).Prepend(layer) : [layer]);

    /// <summary>The shape of one example after each of <paramref name="layers"/>.</summary>
    /// <param name="layers">First to last.</param>
    /// <param name="input">Shape before the first.</param>
    /// <param name="whose">What a message puts behind "layer 1 of 2", such as "of the body"; may be empty.</param>
    /// <exception cref="ArgumentException">A layer cannot take what the one before it gives; the message names it.</exception>
    public static ImageShape[] InferShapes(IReadOnlyList<LayerSpec> layers, ImageShape input, string whose = "")
    {
        var shapes = new ImageShape[layers.Count];
        ImageShape shape = input;
        bool isVector = false;
        for (int i = 0; i < shapes.Length; i++)
        {
            try
            {
                if (isVector && layers[i].TakesImages)
                {
                    throw new ArgumentException("it works on images, but a layer before it has made a vector of them");
                }

                isVector |= layers[i].MakesVector;
                shape = layers[i].InferOutput(shape);
                RequireModestSize(shape);
                shapes[i] = shape;
            }
            catch (ArgumentException e)
            {
                throw new ArgumentException($"layer {i + 1} of {shapes.Length}{(whose.Length > 0 ? " " : "")}{whose} ({layers[i]}), on an input of {shape}: {e.Message}", nameof(layers), e);
            }
        }

        return shapes;
    }

    /// <exception cref="ArgumentException">A layer is null.</exception>
    public static void RequireLayers(IReadOnlyList<LayerSpec> layers, string parameterName)
    {
        if (layers.Contains(null!))
        {
            throw new ArgumentException("a layer is null", parameterName);
        }
    }

    public static void RequireModestSize(ImageShape shape)
    {
        if ((double)shape.Height * shape.Width * shape.Channels > MaxValues)
        {
            throw new ArgumentException($"one example of {shape.Height}x{shape.Width}x{shape.Channels} has more than {MaxValues} values: make the images smaller, or put strides or pooling before it");
        }
    }
}
