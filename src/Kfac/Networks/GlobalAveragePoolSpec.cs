namespace Kfac.Networks;

/// <summary>The mean of each channel over all rows and columns: [H, W, C] becomes a vector of C, which a dense layer can take.</summary>
public sealed record GlobalAveragePoolSpec : LayerSpec
{
    internal override bool TakesImages => true;

    internal override ImageShape InferOutput(ImageShape input) => ImageShape.Flat(input.Channels);
}
