using System.Text.Json.Serialization;

namespace Kfac.Networks;

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
    /// <summary>How the filter begins. Default <see cref="FilterInitialization.HeNormal"/>. A bias begins at 0.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public FilterInitialization Initialization { get; init; }

    /// <summary>Whether filter and bias stay as they begin. Default false.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool IsFrozen { get; init; }

    internal override bool HasParameters => !IsFrozen;

    internal override bool TakesImages => true;

    internal override ImageShape InferOutput(ImageShape input)
    {
        RequirePositive(Filters, "the number of filters");
        RequirePositive(Groups, "the number of groups");
        if (input.Channels % Groups != 0 || Filters % Groups != 0)
        {
            throw new ArgumentException($"the number of groups must divide the number of channels and of filters, but there are {Groups} groups and {Filters} filters, and its input is {input}");
        }

        if (Initialization == FilterInitialization.Whitening && (Groups != 1 || Filters % 2 != 0 || Filters / 2 > (long)KernelHeight * KernelWidth * input.Channels))
        {
            throw new ArgumentException($"filters that whiten patches are two for each of at most {(long)KernelHeight * KernelWidth * input.Channels} eigenvectors, in one group, but there are {Filters} in {Groups}");
        }

        Window window = WindowOn(input);
        return new ImageShape(window.OutputHeight, window.OutputWidth, Filters);
    }

    internal Window WindowOn(ImageShape input) =>
        Window.Infer(input, KernelHeight, KernelWidth, StrideY, StrideX, Padding, DilationY, DilationX);
}
