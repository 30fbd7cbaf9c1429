using System.Numerics.Tensors;

namespace Kfac.Layers;

/// <summary>
/// Brings each channel c to mean 0 and deviation 1 over the training images, x' = (x - Mean[c]) · Factor[c], so that a
/// network is trained alike whether pixels come as 0 … 255 or 0 … 1. Part of the model.
/// </summary>
public sealed class InputScaling
{
    private readonly float[] _rowMean;
    private readonly float[] _rowFactor;

    internal InputScaling(ImageShape shape, float[] mean, float[] factor)
    {
        Shape = shape;
        Mean = mean;
        Factor = factor;
        _rowMean = Repeat(mean, shape.Width);
        _rowFactor = Repeat(factor, shape.Width);
    }

    /// <summary>Shape of the images it is for.</summary>
    public ImageShape Shape { get; }

    /// <summary>Mean of each channel, in the pixels' own unit.</summary>
    public IReadOnlyList<float> Mean { get; }

    /// <summary>1 / deviation of each channel; 1 for a channel that never changes.</summary>
    public IReadOnlyList<float> Factor { get; }

    /// <summary>Writes the scaled image to example <paramref name="example"/> of <paramref name="input"/>.</summary>
    internal void Write(ReadOnlySpan<float> pixels, ActivationBuffer input, int example)
    {
        int length = _rowMean.Length;
        for (int row = 0; row < Shape.Height; row++)
        {
            Span<float> destination = input.Row(example, row);
            TensorPrimitives.Subtract(pixels.Slice(row * length, length), _rowMean, destination);
            TensorPrimitives.Multiply(destination, _rowFactor, destination);
        }
    }

    private static float[] Repeat(float[] values, int times) => [.. Enumerable.Repeat(values, times).SelectMany(v => v)];
}
