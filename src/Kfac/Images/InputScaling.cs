using System.Numerics.Tensors;
using Kfac.Memory;

namespace Kfac.Images;

/// <summary>
/// Brings each channel c to mean 0 and standard deviation 1 over the training images, x' = (x - Mean[c]) · Factor[c], so that a
/// network is trained alike whether pixels come as 0 … 255 or 0 … 1. Part of the model.
/// </summary>
public sealed class InputScaling
{
    private readonly Lazy<(float[] Mean, float[] Factor)> _row;

    internal InputScaling(ImageShape shape, float[] mean, float[] factor)
    {
        Shape = shape;
        Mean = mean;
        Factor = factor;
        // Made when first used: a model file that claims a vast image must not cost anything.
        _row = new Lazy<(float[], float[])>(() => (Repeat(mean, shape.Width), Repeat(factor, shape.Width)));
    }

    /// <summary>Shape of the images it is for.</summary>
    public ImageShape Shape { get; }

    /// <summary>Mean of each channel, in the pixels' own unit.</summary>
    public IReadOnlyList<float> Mean { get; }

    /// <summary>1 / standard deviation of each channel; 1 for a channel that never changes.</summary>
    public IReadOnlyList<float> Factor { get; }

    /// <summary>Writes the scaled image to example <paramref name="example"/> of <paramref name="input"/>.</summary>
    internal void Write(ReadOnlySpan<float> pixels, ActivationBuffer input, int example)
    {
        int length = Shape.Width * Shape.Channels;
        for (int row = 0; row < Shape.Height; row++)
        {
            ScaleRow(pixels.Slice(row * length, length), input.Row(example, row));
        }
    }

    /// <summary>scaled = x', both [H, W, C].</summary>
    internal void Apply(ReadOnlySpan<float> pixels, Span<float> scaled)
    {
        int length = Shape.Width * Shape.Channels;
        for (int row = 0; row < Shape.Height; row++)
        {
            ScaleRow(pixels.Slice(row * length, length), scaled.Slice(row * length, length));
        }
    }

    private void ScaleRow(ReadOnlySpan<float> pixels, Span<float> scaled)
    {
        (float[] mean, float[] factor) = _row.Value;
        TensorPrimitives.Subtract(pixels, mean, scaled);
        TensorPrimitives.Multiply(scaled, factor, scaled);
    }

    private static float[] Repeat(float[] values, int times) => [.. Enumerable.Repeat(values, times).SelectMany(v => v)];
}
