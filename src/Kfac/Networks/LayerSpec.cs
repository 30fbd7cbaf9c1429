using System.Text.Json.Serialization;

namespace Kfac.Networks;

/// <summary>One layer of a <see cref="NetworkSpec"/>, as data.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "layer")]
[JsonDerivedType(typeof(Conv2DSpec), "conv2d")]
[JsonDerivedType(typeof(DenseSpec), "dense")]
[JsonDerivedType(typeof(MaxPool2DSpec), "maxpool2d")]
[JsonDerivedType(typeof(ReluSpec), "relu")]
[JsonDerivedType(typeof(FlattenSpec), "flatten")]
[JsonDerivedType(typeof(AveragePool2DSpec), "averagepool2d")]
[JsonDerivedType(typeof(GlobalAveragePoolSpec), "globalaveragepool")]
[JsonDerivedType(typeof(LeakyReluSpec), "leakyrelu")]
[JsonDerivedType(typeof(GeluSpec), "gelu")]
[JsonDerivedType(typeof(DropoutSpec), "dropout")]
[JsonDerivedType(typeof(ResidualSpec), "residual")]
[JsonDerivedType(typeof(BatchNormSpec), "batchnorm")]
[JsonDerivedType(typeof(GroupNormSpec), "groupnorm")]
public abstract record LayerSpec
{
    /// <summary>Whether it needs the rows and columns of an image, so that it cannot follow a layer that <see cref="MakesVector"/>.</summary>
    internal virtual bool TakesImages => false;

    /// <summary>Whether its output is a vector without rows and columns.</summary>
    internal virtual bool MakesVector => false;

    /// <summary>Whether it has parameters to train.</summary>
    internal virtual bool HasParameters => false;

    /// <summary>The shape of one example after this layer.</summary>
    /// <exception cref="ArgumentException">The layer cannot take <paramref name="input"/>; the message says why.</exception>
    internal abstract ImageShape InferOutput(ImageShape input);

    private protected static void RequireEpsilon(float epsilon)
    {
        if (!(epsilon > 0) || !float.IsFinite(epsilon))
        {
            throw new ArgumentException($"the epsilon of a normalisation must be a finite number above 0, but is {epsilon}");
        }
    }

    private protected static void RequirePositive(int value, string what)
    {
        if (value < 1)
        {
            throw new ArgumentException($"{what} must be at least 1, but is {value}");
        }
    }
}
