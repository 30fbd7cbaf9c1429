using System.Numerics.Tensors;
using Kfac.Networks;

namespace Kfac.Layers;

/// <summary>y = x/2 · (1 + tanh u), u = √(2/π) · (x + 0.044715 x³); see <see cref="GeluSpec"/>.</summary>
internal sealed class Gelu : ElementwiseLayer
{
    private const float Linear = 0.7978845608f, Cubic = 0.044715f;

    internal Gelu(string name, ImageShape shape)
        : base(name, shape)
    {
    }

    /// <summary>Its derivative is a function of x, which y does not tell.</summary>
    internal override bool WorksInPlace => false;

    private protected override void Forward(ReadOnlySpan<float> x, Span<float> y, int example, int row)
    {
        TanhOfU(x, y);
        TensorPrimitives.MultiplyAdd(y, x, x, y);
        TensorPrimitives.Multiply(y, 0.5f, y);
    }

    /// <summary>dx = dy · (1/2) (1 + t + x (1 - t²) du/dx), t = tanh u.</summary>
    private protected override void Backward(ReadOnlySpan<float> x, ReadOnlySpan<float> y, ReadOnlySpan<float> dy, Span<float> dx, int example, int row)
    {
        TanhOfU(x, dx);
        for (int i = 0; i < dx.Length; i++)
        {
            float t = dx[i], slope = Linear * (1 + 3 * Cubic * x[i] * x[i]);
            dx[i] = 0.5f * dy[i] * (1 + t + x[i] * (1 - t * t) * slope);
        }
    }

    private static void TanhOfU(ReadOnlySpan<float> x, Span<float> result)
    {
        TensorPrimitives.Multiply(x, x, result);
        TensorPrimitives.Multiply(result, Linear * Cubic, result);
        TensorPrimitives.Add(result, Linear, result);
        TensorPrimitives.Multiply(result, x, result);
        TensorPrimitives.Tanh<float>(result, result);
    }
}
