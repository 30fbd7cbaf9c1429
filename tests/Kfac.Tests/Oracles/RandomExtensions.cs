namespace Kfac.Tests.Oracles;

/// <summary>Draws that <see cref="Random"/> itself does not offer.</summary>
internal static class RandomExtensions
{
    /// <summary>A standard normal number (Box and Muller 1958).</summary>
    public static double NextGaussian(this Random random) =>
        Math.Sqrt(-2.0 * Math.Log(1.0 - random.NextDouble())) * Math.Cos(2.0 * Math.PI * random.NextDouble());
}
