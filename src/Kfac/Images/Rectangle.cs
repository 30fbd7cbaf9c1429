namespace Kfac.Images;

/// <summary>A part of an image, in pixels; it may reach beyond the border.</summary>
internal readonly record struct Rectangle(double Top, double Left, double Height, double Width)
{
    /// <summary>The whole pixels nearest to it.</summary>
    public (int Top, int Bottom, int Left, int Right) PixelsWithin(ImageShape shape)
    {
        return (Edge(Top, shape.Height), Edge(Top + Height, shape.Height), Edge(Left, shape.Width), Edge(Left + Width, shape.Width));

        static int Edge(double position, int size) => (int)Math.Clamp(Math.Round(position), 0, size);
    }
}
