namespace Kfac;

/// <summary>Draws that <see cref="Random"/> itself does not offer.</summary>
internal static class RandomExtensions
{
    /// <summary>A standard normal number (Box and Muller 1958).</summary>
    public static double NextGaussian(this Random random)
    {
        double radius = Math.Sqrt(-2.0 * Math.Log(1.0 - random.NextDouble()));
        return radius * Math.Cos(2.0 * Math.PI * random.NextDouble());
    }
}
