namespace Kfac.Images;

/// <summary>Changes images as <see cref="AugmentationOptions"/> say, one by one. For one thread at a time.</summary>
internal sealed class Augmentation(AugmentationOptions options, ImageShape shape, IReadOnlyList<float> mean, int seed)
{
    /// <summary>Proportion of a crop's and of an erased rectangle's sides, at most, and areas of the latter.</summary>
    private const double CropAspect = 4.0 / 3, ErasingAspect = 3.3, MinErasedArea = 0.02, MaxErasedArea = 0.33;

    private readonly GeometricTransform _transform = new(shape, options.ReflectBorder);
    private readonly ColourJitter _colours = new(shape.Channels);

    /// <summary>What mixes the images of a batch, if anything does.</summary>
    public ImageMixing? Mixing { get; } = options.Mixes ? new ImageMixing(options, shape, seed) : null;

    /// <param name="image">[H, W, C], changed in place.</param>
    /// <param name="epoch">0 for the first.</param>
    /// <param name="index">The image's number.</param>
    public void Apply(Span<float> image, int epoch, int index)
    {
        // Everything is drawn, used or not: switching one change on leaves the others as they were.
        var random = new SplitMix64(seed, RandomStream.Augmentation, epoch, index);
        double down = Math.Round(random.NextWithin(options.Shift) * shape.Height), right = Math.Round(random.NextWithin(options.Shift) * shape.Width);
        double angle = random.NextWithin(options.Rotation) * Math.PI / 180, scale = 1 + random.NextWithin(options.Scale);
        bool mirrors = random.NextDouble() < 0.5;
        double brightness = 1 + random.NextWithin(options.Brightness);
        double row = random.NextDouble() * shape.Height, column = random.NextDouble() * shape.Width;
        bool turns = random.NextDouble() < 0.5 && options.VerticalFlip;
        Rectangle crop = DrawCrop(ref random);
        double contrast = 1 + random.NextWithin(options.Contrast), saturation = 1 + random.NextWithin(options.Saturation), hue = 2 * Math.PI * random.NextWithin(options.Hue);
        bool erases = random.NextDouble() < options.Erasing;
        Rectangle erased = DrawErased(ref random);
        if (options.AlternatingFlip)
        {
            mirrors = ((new SplitMix64(seed, RandomStream.AlternatingFlip, 0, index).Next() ^ (ulong)epoch) & 1) != 0;
        }

        _transform.Apply(image, new Movement(down, right, angle, scale, mirrors && options.HorizontalFlip, turns, crop));
        _colours.Apply(image, (float)brightness, (float)contrast, (float)saturation, hue);
        if (options.Cutout > 0)
        {
            double side = options.Cutout * Math.Min(shape.Height, shape.Width);
            Overwrite(image, new Rectangle(row - side / 2, column - side / 2, side, side));
        }

        if (erases)
        {
            Overwrite(image, erased);
        }
    }

    /// <summary>A part of the area in proportions near the image's, at a place where it is within the image.</summary>
    private Rectangle DrawCrop(ref SplitMix64 random)
    {
        double side = Math.Sqrt(1 - options.ResizedCrop * random.NextDouble()), aspect = Math.Pow(CropAspect, random.NextWithin(0.5));
        Rectangle crop = Place(ref random, Math.Min(1, side * aspect), Math.Min(1, side / aspect));
        return options.ResizedCrop > 0 ? crop : new Rectangle(0, 0, shape.Height, shape.Width);
    }

    private Rectangle DrawErased(ref SplitMix64 random)
    {
        double side = Math.Sqrt(MinErasedArea + (MaxErasedArea - MinErasedArea) * random.NextDouble()), aspect = Math.Pow(ErasingAspect, random.NextWithin(0.5));
        return Place(ref random, Math.Min(1, side * aspect), Math.Min(1, side / aspect));
    }

    /// <param name="random">Where the place is drawn from.</param>
    /// <param name="height">Share of the image's.</param>
    /// <param name="width">Share of the image's.</param>
    private Rectangle Place(ref SplitMix64 random, double height, double width) =>
        new((1 - height) * shape.Height * random.NextDouble(), (1 - width) * shape.Width * random.NextDouble(), height * shape.Height, width * shape.Width);

    private void Overwrite(Span<float> image, Rectangle rectangle)
    {
        (int top, int bottom, int left, int right) = rectangle.PixelsWithin(shape);
        for (int y = top; y < bottom; y++)
        {
            for (int x = left; x < right; x++)
            {
                for (int c = 0; c < shape.Channels; c++)
                {
                    image[(y * shape.Width + x) * shape.Channels + c] = mean[c];
                }
            }
        }
    }
}
