namespace Kfac.Networks;

/// <summary>x where it is positive, else <paramref name="Slope"/> · x, element by element.</summary>
/// <param name="Slope">Slope on the negative side, between 0 and 1 (both excluded).</param>
public sealed record LeakyReluSpec(float Slope = 0.01f) : LayerSpec
{
    internal override ImageShape InferOutput(ImageShape input) => Slope is > 0 and < 1
        ? input
        : throw new ArgumentException($"the slope of a leaky ReLU must be between 0 and 1, but is {Slope}");
}
