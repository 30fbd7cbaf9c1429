namespace Kfac.Networks;

/// <summary>max(x, 0), element by element.</summary>
public sealed record ReluSpec : LayerSpec
{
    internal override ImageShape InferOutput(ImageShape input) => input;
}
