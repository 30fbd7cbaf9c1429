namespace Kfac.Images;

/// <summary>Where an image's pixels go.</summary>
/// <param name="Down">Rows that it is shifted by.</param>
/// <param name="Right">Columns that it is shifted by.</param>
/// <param name="Angle">Radians that it is turned by.</param>
/// <param name="Scale">Its enlargement, above 0.</param>
/// <param name="Mirrors">Whether left and right change places.</param>
/// <param name="Turns">Whether top and bottom do.</param>
/// <param name="Crop">The part that fills the image in the end.</param>
internal readonly record struct Movement(double Down, double Right, double Angle, double Scale, bool Mirrors, bool Turns, Rectangle Crop);

/// <summary>
/// Moves the pixels of an image: image[p] = source[q], with p' - centre = scale · rotation(angle) · flip · (q - centre) + shift and p
/// the place to which the crop brings p'; between pixels bilinear, beyond the border its reflection or the border's own value.
/// </summary>
internal sealed class GeometricTransform(ImageShape shape, bool reflects)
{
    private readonly float[] _source = new float[shape.Size];

    /// <param name="image">[H, W, C], changed in place.</param>
    /// <param name="movement">Where to.</param>
    public void Apply(Span<float> image, in Movement movement)
    {
        if (movement == new Movement(0, 0, 0, 1, false, false, new Rectangle(0, 0, shape.Height, shape.Width)))
        {
            return;
        }

        image.CopyTo(_source);
        double cosine = Math.Cos(movement.Angle) / movement.Scale, sine = Math.Sin(movement.Angle) / movement.Scale;
        double middleY = (shape.Height - 1) / 2.0, middleX = (shape.Width - 1) / 2.0;
        (double rowStep, double columnStep) = (movement.Crop.Height / shape.Height, movement.Crop.Width / shape.Width);
        for (int y = 0, at = 0; y < shape.Height; y++)
        {
            double fromCentreY = movement.Crop.Top + (y + 0.5) * rowStep - 0.5 - middleY - movement.Down;
            for (int x = 0; x < shape.Width; x++, at += shape.Channels)
            {
                double fromCentreX = movement.Crop.Left + (x + 0.5) * columnStep - 0.5 - middleX - movement.Right;
                double sourceY = cosine * fromCentreY - sine * fromCentreX, sourceX = sine * fromCentreY + cosine * fromCentreX;
                Interpolate(middleY + (movement.Turns ? -sourceY : sourceY), middleX + (movement.Mirrors ? -sourceX : sourceX), image.Slice(at, shape.Channels));
            }
        }
    }

    private void Interpolate(double y, double x, Span<float> pixel)
    {
        (y, x) = (Inside(y, shape.Height), Inside(x, shape.Width));
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

    /// <summary>The place within the image whose value stands for one beyond the border. A reflection leaves out the border itself.</summary>
    private double Inside(double place, int size)
    {
        if (reflects && (place < 0 || place > size - 1))
        {
            double period = 2.0 * (size - 1), within = size == 1 ? 0 : Math.Abs(place) % period;
            place = within > size - 1 ? period - within : within;
        }

        return Math.Clamp(place, 0, size - 1);
    }

    private float Value(int place, int channel) => _source[place * shape.Channels + channel];

    private static float Mix(float a, float b, float share) => a + share * (b - a);
}
