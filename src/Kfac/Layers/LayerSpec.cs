using System.Text.Json.Serialization;

namespace Kfac.Layers;

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

    /// <summary>The shape of one example after this layer.</summary>
    /// <exception cref="ArgumentException">The layer cannot take <paramref name="input"/>; the message says why.</exception>
    internal abstract ImageShape InferOutput(ImageShape input);

    /// <summary>The running layer for examples of shape <paramref name="input"/>.</summary>
    internal abstract Layer Build(string name, ImageShape input);

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

/// <summary>A 2-D convolution (cross-correlation) with a filter [R, S, C / Groups, K] and, unless switched off, a bias [K].</summary>
/// <param name="Filters">Number of output channels K.</param>
/// <param name="KernelHeight">Filter rows R.</param>
/// <param name="KernelWidth">Filter columns S.</param>
/// <param name="StrideY">Rows between neighbouring windows.</param>
/// <param name="StrideX">Columns between neighbouring windows.</param>
/// <param name="Padding">What happens at the border.</param>
/// <param name="UseBias">Whether a bias [K] is added.</param>
/// <param name="DilationY">Rows between neighbouring rows of the filter; 1 is dense.</param>
/// <param name="DilationX">Columns between neighbouring columns of the filter; 1 is dense.</param>
/// <param name="Groups">
/// Into how many groups input and output channels are divided, in their order: a group's outputs see its inputs only. As many as
/// input channels is a depthwise convolution. Divides C and K.
/// </param>
public sealed record Conv2DSpec(
    int Filters, int KernelHeight, int KernelWidth, int StrideY = 1, int StrideX = 1,
    Padding Padding = Padding.Same, bool UseBias = true, int DilationY = 1, int DilationX = 1, int Groups = 1) : LayerSpec
{
    internal override bool TakesImages => true;

    internal override ImageShape InferOutput(ImageShape input)
    {
        RequirePositive(Filters, "the number of filters");
        RequirePositive(Groups, "the number of groups");
        if (input.Channels % Groups != 0 || Filters % Groups != 0)
        {
            throw new ArgumentException($"the number of groups must divide the number of channels and of filters, but there are {Groups} groups and {Filters} filters, and its input is {input}");
        }

        Window window = WindowOn(input);
        return new ImageShape(window.OutputHeight, window.OutputWidth, Filters);
    }

    internal override Layer Build(string name, ImageShape input) => new Conv2D(name, this, input);

    internal Window WindowOn(ImageShape input) =>
        Window.Infer(input, KernelHeight, KernelWidth, StrideY, StrideX, Padding, DilationY, DilationX);
}

/// <summary>A fully connected layer: weights [F, K] and, unless switched off, a bias [K]. Takes the example as one flat vector.</summary>
/// <param name="Units">Number of outputs K.</param>
/// <param name="UseBias">Whether a bias [K] is added.</param>
public sealed record DenseSpec(int Units, bool UseBias = true) : LayerSpec
{
    internal override bool MakesVector => true;

    internal override ImageShape InferOutput(ImageShape input)
    {
        RequirePositive(Units, "the number of units");
        return input.IsFlat
            ? ImageShape.Flat(Units)
            : throw new ArgumentException($"a dense layer takes a flat vector, but its input is {input}: put a Flatten before it");
    }

    internal override Layer Build(string name, ImageShape input) => new Dense(name, this, input);
}

/// <summary>The image [H, W, C] as one vector of H·W·C features, in the same order.</summary>
public sealed record FlattenSpec : LayerSpec
{
    internal override bool MakesVector => true;

    internal override ImageShape InferOutput(ImageShape input) => ImageShape.Flat(input.Size);

    internal override Layer Build(string name, ImageShape input) => new Flatten(name, input);
}
