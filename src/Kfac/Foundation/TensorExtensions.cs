using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace Kfac;

/// <summary>Row-major access to <see cref="Tensor{T}"/>, with errors that state shapes.</summary>
internal static class TensorExtensions
{
    /// <summary>All values, row-major, where they lie; a tensor that is a strided view is copied first.</summary>
    public static Span<float> Values(this Tensor<float> tensor)
    {
        if (tensor.IsDense)
        {
            return MemoryMarshal.CreateSpan(ref tensor.GetPinnableReference(), checked((int)tensor.FlattenedLength));
        }

        var copy = new float[tensor.FlattenedLength];
        tensor.FlattenTo(copy);
        return copy;
    }

    /// <summary>Size of dimension <paramref name="axis"/>.</summary>
    public static int Size(this Tensor<float> tensor, int axis) => checked((int)tensor.Lengths[axis]);

    /// <summary>Sizes of all dimensions, slowest first.</summary>
    public static int[] Shape(this Tensor<float> tensor) => [.. Enumerable.Range(0, tensor.Rank).Select(tensor.Size)];

    /// <summary>The shape as text, as in <c>[3, 3, 32, 64]</c>.</summary>
    public static string ShapeText(this Tensor<float> tensor) => $"[{string.Join(", ", tensor.Lengths.ToArray())}]";

    /// <exception cref="ArgumentException">The tensor has another number of dimensions.</exception>
    public static void RequireRank(this Tensor<float> tensor, int rank, string what, string parameterName)
    {
        ArgumentNullException.ThrowIfNull(tensor, parameterName);
        if (tensor.Rank != rank)
        {
            throw new ArgumentException($"{what} must have {rank} dimensions, but has shape {tensor.ShapeText()}", parameterName);
        }
    }

    /// <exception cref="ArgumentException">The tensor has another shape.</exception>
    public static void RequireShape(this Tensor<float> tensor, ReadOnlySpan<int> shape, string what, string parameterName)
    {
        tensor.RequireRank(shape.Length, what, parameterName);
        for (int axis = 0; axis < shape.Length; axis++)
        {
            if (tensor.Lengths[axis] != shape[axis])
            {
                throw new ArgumentException($"{what} must have shape [{string.Join(", ", shape.ToArray())}], but has {tensor.ShapeText()}", parameterName);
            }
        }
    }
}
