using System.Numerics.Tensors;

namespace Kfac.Images;

/// <summary>Changes images as <see cref="AugmentationOptions"/> say. For one thread at a time.</summary>
internal sealed class Augmentation(AugmentationOptions options, ImageShape shape, IReadOnlyList<float> mean, int seed)
{
    private readonly float[] _source = new float[shape.Size];

    /// <param name="image">[H, W, C], changed in place.</param>
    /// <param name="epoch">0 for the first.</param>
    /// <param name="index">The image's number.</param>
    public void Apply(Span<float> image, int epoch, int index)
    {
        // Everything is drawn, used or not: switching one change on leaves the others as they were.
        var random = new SplitMix64(seed, RandomStream.Augmentation, epoch, index);
        double down = Math.Round(random.NextWithin(options.Shift) * shape.Height), right = Math.Round(random.NextWithin(options.Shift) * shape.Width);
        double angle = random.NextWithin(options.Rotation) * Math.PI / 180, scale = 1 + random.NextWithin(options.Scale);
        bool flips = random.NextDouble() < 0.5 && options.HorizontalFlip;
        float brightness = (float)(1 + random.NextWithin(options.Brightness));
        double row = random.NextDouble() * shape.Height, column = random.NextDouble() * shape.Width;
        if (down != 0 || right != 0 || angle != 0 || scale != 1 || flips)
        {
            image.CopyTo(_source);
            Transform(image, down, right, angle, scale, flips);
        }

        if (options.Brightness > 0)
        {
            TensorPrimitives.Multiply(image, brightness, image);
        }

        if (options.Cutout > 0)
        {
            CutOut(image, row, column, options.Cutout * Math.Min(shape.Height, shape.Width));
        }
    }

    /// <summary>
    /// image[p] = source[q], with p - centre = scale · rotation(angle) · flip · (q - centre) + shift; between pixels
    /// bilinear, beyond the border the border.
    /// </summary>
    private void Transform(Span<float> image, double down, double right, double angle, double scale, bool flips)
    {
        double cosine = Math.Cos(angle) / scale, sine = Math.Sin(angle) / scale;
        double middleY = (shape.Height - 1) / 2.0, middleX = (shape.Width - 1) / 2.0;
        for (int y = 0, at = 0; y < shape.Height; y++)
        {
            for (int x = 0; x < shape.Width; x++, at += shape.Channels)
            {
                double fromCentreY = y - middleY - down, fromCentreX = x - middleX - right;
                double sourceY = cosine * fromCentreY - sine * fromCentreX, sourceX = sine * fromCentreY + cosine * fromCentreX;
                Interpolate(middleY + sourceY, middleX + (flips ? -sourceX : sourceX), image.Slice(at, shape.Channels));
            }
        }
    }

    private void Interpolate(double y, double x, Span<float> pixel)
    {
        y = Math.Clamp(y, 0, shape.Height - 1);
        x = Math.Clamp(x, 0, shape.Width - 1);
        int top = (int)y, left = (int)x;
        float below = (float)(y - top), beside = (float)(x - left);
        int rowAt = top * shape.Width, nextRowAt = Math.Min(top + 1, shape.Height - 1) * shape.Width, next = Math.Min(left + 1, shape.Width - 1);
        for (int c = 0; c < pixel.Length; c++)
        {
            float upper = Mix(Value(rowAt + left, c), Value(rowAt + next, c), beside);
            float lower = Mix(Value(nextRowAt + left, c), Value(nextRowAt + next, c), beside);
            pixel[c] = Mix(upper, lower, below);
        }
    }

    private float Value(int place, int channel) => _source[place * shape.Channels + channel];

    private static float Mix(float a, float b, float share) => a + share * (b - a);

    private void CutOut(Span<float> image, double middleRow, double middleColumn, double side)
    {
        (int top, int bottom) = (Edge(middleRow - side / 2, shape.Height), Edge(middleRow + side / 2, shape.Height));
        (int left, int right) = (Edge(middleColumn - side / 2, shape.Width), Edge(middleColumn + side / 2, shape.Width));
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

    private static int Edge(double position, int size) => (int)Math.Clamp(Math.Round(position), 0, size);
}
