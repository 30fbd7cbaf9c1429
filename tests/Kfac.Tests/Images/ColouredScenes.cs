using Kfac.Images;

namespace Kfac.Tests.Images;

/// <summary>
/// Colour pictures of four classes: a disc, a ring, a cross or a triangle of random colour, place and size, before a background of another
/// colour with light from one side and noise. Their mirror images belong to the same class.
/// </summary>
internal static class ColouredScenes
{
    public const int Classes = 4;

    private const int Colours = 3;

    public static MemoryImageSource Create(int count, int seed, int side = 32)
    {
        var random = new Random(seed);
        var images = new MemoryImageSource(new ImageShape(side, side, Colours), Classes);
        var pixels = new float[side * side * Colours];
        for (int n = 0; n < count; n++)
        {
            Draw(random, pixels, side, n % Classes);
            images.Add(pixels, n % Classes);
        }

        return images;
    }

    private static void Draw(Random random, float[] pixels, int side, int label)
    {
        double radius = side * (0.22 + 0.16 * random.NextDouble()), row = side * (0.4 + 0.2 * random.NextDouble()), column = side * (0.4 + 0.2 * random.NextDouble());
        double[] front = [.. Enumerable.Range(0, Colours).Select(_ => 255 * random.NextDouble())];
        // Far enough from the front in every colour to be seen.
        double[] back = [.. front.Select(value => (value + 90 + 75 * random.NextDouble()) % 255)];
        double light = random.NextDouble() - 0.5;
        for (int i = 0; i < pixels.Length; i++)
        {
            int y = i / Colours / side, x = i / Colours % side;
            bool isFront = Covers(label, (y - row) / radius, (x - column) / radius);
            double value = (isFront ? front : back)[i % Colours] * (1 + light * (x - side / 2.0) / side) + 24 * (random.NextDouble() - 0.5);
            pixels[i] = (float)Math.Clamp(Math.Round(value), 0, 255);
        }
    }

    private static bool Covers(int label, double y, double x) => label switch
    {
        0 => x * x + y * y < 1,
        1 => x * x + y * y is < 1 and > 0.4,
        2 => Math.Max(Math.Abs(x), Math.Abs(y)) < 1 && Math.Min(Math.Abs(x), Math.Abs(y)) < 0.3,
        _ => y is > -1 and < 0.8 && Math.Abs(x) < (y + 1) / 1.8,
    };
}
