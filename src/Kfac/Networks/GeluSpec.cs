namespace Kfac.Networks;

/// <summary>
/// The Gaussian error linear unit (Hendrycks and Gimpel 2016) in its tanh form,
/// x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³))), element by element: within 5e-4 of x · Φ(x).
/// </summary>
public sealed record GeluSpec : LayerSpec
{
    internal override ImageShape InferOutput(ImageShape input) => input;
}
