namespace Kfac;

/// <summary>
/// Random numbers that are a function of a few integers, such as seed, epoch and image: whoever draws them, and in whatever
/// order, they are the same (SplitMix64, Steele, Lea and Flood 2014).
/// </summary>
internal struct SplitMix64
{
    private const ulong GoldenGamma = 0x9E3779B97F4A7C15;

    private ulong _state;

    public SplitMix64(int seed, int first, int second = 0)
    {
        _state = Mix(Mix((ulong)(uint)seed) ^ (((ulong)(uint)first << 32) | (uint)second));
    }

    /// <summary>Uniform in [0, 1).</summary>
    public double NextDouble() => (Next() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform in [-bound, bound).</summary>
    public double NextWithin(double bound) => (2 * NextDouble() - 1) * bound;

    /// <summary>A seed for a generator that wants one.</summary>
    public int NextSeed() => (int)(Next() >> 33);

    /// <summary>The generator's step and finaliser: what to make of a number that is to look random.</summary>
    public static ulong Mix(ulong z)
    {
        z += GoldenGamma;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    private ulong Next()
    {
        ulong number = Mix(_state);
        _state += GoldenGamma;
        return number;
    }
}
