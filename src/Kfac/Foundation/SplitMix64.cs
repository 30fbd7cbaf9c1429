namespace Kfac;

/// <summary>
/// Random numbers that are a function of a seed, a stream and up to two indices, such as epoch and image: whoever draws them,
/// and in whatever order, they are the same (SplitMix64, Steele, Lea and Flood 2014). A stream is continued by opening it anew.
/// </summary>
internal struct SplitMix64
{
    private const ulong GoldenGamma = 0x9E3779B97F4A7C15;

    private ulong _state;

    /// <param name="seed">Seed of the training.</param>
    /// <param name="stream">Who draws.</param>
    /// <param name="first">First index, such as the epoch or the step.</param>
    /// <param name="second">Second index, such as the image.</param>
    public SplitMix64(int seed, RandomStream stream, long first = 0, int second = 0)
    {
        _state = Mix(Mix(Mix(((ulong)(uint)seed << 32) | (uint)stream) ^ (ulong)first) ^ (uint)second);
    }

    /// <summary>Uniform among all 64-bit numbers.</summary>
    public ulong Next()
    {
        ulong number = Mix(_state);
        _state += GoldenGamma;
        return number;
    }

    /// <summary>Uniform in 0 … <paramref name="bound"/>-1.</summary>
    public int Next(int bound) => (int)Math.BigMul(Next(), (ulong)bound, out _);

    /// <summary>Uniform in [0, 1).</summary>
    public double NextDouble() => (Next() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform in [-bound, bound).</summary>
    public double NextWithin(double bound) => (2 * NextDouble() - 1) * bound;

    /// <summary>A standard normal number (Box and Muller 1958).</summary>
    public double NextGaussian()
    {
        double radius = Math.Sqrt(-2.0 * Math.Log(1.0 - NextDouble()));
        return radius * Math.Cos(2.0 * Math.PI * NextDouble());
    }

    /// <summary>Puts <paramref name="values"/> in random order (Fisher and Yates 1938).</summary>
    public void Shuffle(Span<int> values)
    {
        for (int i = values.Length - 1; i > 0; i--)
        {
            int j = Next(i + 1);
            (values[i], values[j]) = (values[j], values[i]);
        }
    }

    /// <summary>The generator's step and finaliser: what to make of a number that is to look random.</summary>
    public static ulong Mix(ulong z)
    {
        z += GoldenGamma;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
