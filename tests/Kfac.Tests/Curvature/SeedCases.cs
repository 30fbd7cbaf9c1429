using System.Numerics.Tensors;
using Kfac.Networks;

namespace Kfac.Tests.Curvature;

/// <summary>
/// Small convolutions whose diagonal Fisher is known exactly, worked out by hand: the input, the gradient ds at the
/// output and the diagonal D, filter row-major and then the bias.
/// </summary>
internal sealed record SeedCase(
    string Name, Tensor<float> Inputs, Tensor<float> Gradients, int[] Filter, int Stride, Padding Padding, float[] Weights, float[] Bias)
{
    private static readonly float[] Image = [1, 2, 3, 4, 5, 6, 7, 8, 9];
    private static readonly float[] SecondImage = [0, 1, 0, -1, 2, 1, 3, 0, -2];
    private static readonly float[] ValidGradient = [1, -1, 2, 0];
    private static readonly float[] SecondGradient = [0, 2, -1, 1];
    private static readonly float[] SameGradient = [1, -1, 2, 0, 3, -2, 1, 0, -1];
    private static readonly float[] TwoChannels = [1, -1, 0, 2, 3, 1, -2, 0];
    private static readonly float[] TwoChannelGradient = [1, 2, 0, -1, -1, 1, 2, 0];

    public static SeedCase E1 { get; } = new("E1", T(Image, 1, 3, 3, 1), T(ValidGradient, 1, 2, 2, 1), [2, 2, 1, 1], 1, Padding.Valid, [49, 81, 169, 225], [4]);

    public static SeedCase E5 { get; } = new("E5", T([.. Image, .. SecondImage], 2, 3, 3, 1), T([.. ValidGradient, .. SecondGradient], 2, 2, 2, 1), [2, 2, 1, 1], 1, Padding.Valid, [37, 41, 85, 112.5f], [4]);

    public static SeedCase SecondOfE5 { get; } = new("second image of E5", T(SecondImage, 1, 3, 3, 1), T(SecondGradient, 1, 2, 2, 1), [2, 2, 1, 1], 1, Padding.Valid, [25, 1, 1, 0], [4]);

    public static SeedCase[] All { get; } =
    [
        E1,
        new("E2", T(Image, 1, 3, 3, 1), T(SameGradient, 1, 3, 3, 1), [2, 2, 1, 1], 1, Padding.Same, [36, 625, 289, 676], [9]),
        new("E3", T(Image, 1, 3, 3, 1), T(SameGradient, 1, 3, 3, 1), [3, 3, 1, 1], 1, Padding.Same, [36, 4, 196, 9, 36, 625, 121, 289, 676], [9]),
        new("E4", T(Image, 1, 3, 3, 1), T(ValidGradient, 1, 2, 2, 1), [2, 2, 1, 1], 2, Padding.Same, [144, 324, 4, 25], [4]),
        new("E4b", T(Image, 1, 3, 3, 1), T(ValidGradient, 1, 2, 2, 1), [3, 3, 1, 1], 2, Padding.Same, [0, 64, 100, 4, 144, 324, 25, 4, 25], [4]),
        E5,
        SecondOfE5,
        new("E6", T(TwoChannels, 1, 2, 2, 2), T(TwoChannelGradient, 1, 2, 2, 2), [1, 1, 2, 2], 1, Padding.Same, [36, 25, 4, 9], [4, 4]),
        new("E6b", T(TwoChannels, 1, 2, 2, 2), T(TwoChannelGradient, 1, 2, 2, 2), [2, 2, 2, 2], 1, Padding.Same, [36, 25, 4, 9, 4, 4, 4, 16, 9, 64, 1, 4, 4, 16, 0, 0], [4, 4]),
    ];

    public override string ToString() => Name;

    internal static Tensor<float> T(float[] values, params nint[] shape) => Tensor.Create(values, shape);
}
