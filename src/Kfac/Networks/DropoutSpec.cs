namespace Kfac.Networks;

/// <summary>
/// Inverted dropout (Srivastava et al. 2014): in training each element is 0 with probability <paramref name="Rate"/> and
/// x / (1 - Rate) otherwise, anew at each step; at prediction nothing changes.
/// </summary>
/// <param name="Rate">The probability, in [0, 1).</param>
public sealed record DropoutSpec(float Rate = 0.5f) : LayerSpec
{
    internal override ImageShape InferOutput(ImageShape input) => Rate is >= 0 and < 1
        ? input
        : throw new ArgumentException($"the rate of a dropout must be in [0, 1), but is {Rate}");
}
