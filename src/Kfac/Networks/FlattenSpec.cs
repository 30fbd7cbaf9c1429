namespace Kfac.Networks;

/// <summary>The image [H, W, C] as one vector of H·W·C features, in the same order.</summary>
public sealed record FlattenSpec : LayerSpec
{
    internal override bool MakesVector => true;

    internal override ImageShape InferOutput(ImageShape input) => ImageShape.Flat(input.Size);
}
