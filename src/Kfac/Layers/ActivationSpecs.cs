namespace Kfac.Layers;

/// <summary>max(x, 0), element by element.</summary>
public sealed record ReluSpec : LayerSpec
{
    internal override ImageShape InferOutput(ImageShape input) => input;

    internal override Layer Build(string name, ImageShape input) => new Relu(name, input);
}

/// <summary>x where it is positive, else <paramref name="Slope"/> · x, element by element.</summary>
/// <param name="Slope">Slope on the negative side, between 0 and 1 (both excluded).</param>
public sealed record LeakyReluSpec(float Slope = 0.01f) : LayerSpec
{
    internal override ImageShape InferOutput(ImageShape input) => Slope is > 0 and < 1
        ? input
        : throw new ArgumentException($"the slope of a leaky rectifier must be between 0 and 1, but is {Slope}");

    internal override Layer Build(string name, ImageShape input) => new LeakyRelu(name, this, input);
}

/// <summary>
/// The Gaussian error linear unit (Hendrycks and Gimpel 2016) in its tanh form,
/// x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³))), element by element: within 5e-4 of x · Φ(x).
/// </summary>
public sealed record GeluSpec : LayerSpec
{
    internal override ImageShape InferOutput(ImageShape input) => input;

    internal override Layer Build(string name, ImageShape input) => new Gelu(name, input);
}

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

    internal override Layer Build(string name, ImageShape input) => new Dropout(name, this, input);
}
