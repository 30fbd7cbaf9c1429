using System.Numerics.Tensors;

namespace Kfac.Images;

/// <summary>
/// Changes brightness, contrast, saturation and hue, in this order. The first three of three or four channels are colours, in
/// whatever order: grey is their mean, and hue turns about the axis of greys.
/// </summary>
internal sealed class ColourJitter(int channels)
{
    private const int Colours = 3;

    /// <param name="image">[H, W, C], changed in place.</param>
    /// <param name="brightness">Factor of all values.</param>
    /// <param name="contrast">Factor of their distances from the image's mean.</param>
    /// <param name="saturation">Factor of their distances from the pixel's mean.</param>
    /// <param name="hue">Angle in radians.</param>
    public void Apply(Span<float> image, float brightness, float contrast, float saturation, double hue)
    {
        if (brightness != 1)
        {
            TensorPrimitives.Multiply(image, brightness, image);
        }

        if (contrast != 1)
        {
            float mean = TensorPrimitives.Average<float>(image);
            TensorPrimitives.Subtract(image, mean, image);
            TensorPrimitives.Multiply(image, contrast, image);
            TensorPrimitives.Add(image, mean, image);
        }

        if (channels is Colours or Colours + 1 && (saturation != 1 || hue != 0))
        {
            Turn(image, saturation, hue);
        }
    }

    /// <summary>Each colour becomes grey + saturation · rotation(hue) · (colour - grey): the rotation is a circulant matrix.</summary>
    private void Turn(Span<float> image, float saturation, double hue)
    {
        float own = saturation * (float)((1 + 2 * Math.Cos(hue)) / 3);
        float next = saturation * (float)((1 - Math.Cos(hue) - Math.Sqrt(3) * Math.Sin(hue)) / 3), last = saturation * (float)((1 - Math.Cos(hue) + Math.Sqrt(3) * Math.Sin(hue)) / 3);
        for (int at = 0; at < image.Length; at += channels)
        {
            float grey = (image[at] + image[at + 1] + image[at + 2]) / Colours;
            (float a, float b, float c) = (image[at] - grey, image[at + 1] - grey, image[at + 2] - grey);
            image[at] = grey + own * a + next * b + last * c;
            image[at + 1] = grey + own * b + next * c + last * a;
            image[at + 2] = grey + own * c + next * a + last * b;
        }
    }
}
