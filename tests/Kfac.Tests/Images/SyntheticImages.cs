using Kfac.Images;

namespace Kfac.Tests.Images;

/// <summary>Small noisy pictures of bars, a direction for each class, that a tiny network tells apart after a few steps.</summary>
internal static class SyntheticImages
{
    public const int Classes = 3;

    public static readonly ImageShape Shape = new(8, 8, 1);

    public static MemoryImageSource Create(int count, int seed)
    {
        var random = new Random(seed);
        var source = new MemoryImageSource(Shape, Classes);
        var pixels = new float[Shape.Size];
        for (int n = 0; n < count; n++)
        {
            int label = n % Classes, at = random.Next(8);
            for (int i = 0; i < pixels.Length; i++)
            {
                (int row, int column) = (i / 8, i % 8);
                bool onBar = label switch { 0 => row == at, 1 => column == at, _ => (row + column) % 8 == at };
                pixels[i] = random.Next(0, 60) + (onBar ? 180 : 0);
            }

            source.Add(pixels, label);
        }

        return source;
    }
}
