using Kfac;
using SkiaSharp;

namespace MLNetKfac.Reports;

/// <summary>Pixels as PNG inside a page.</summary>
internal static class Picture
{
    private const byte Full = byte.MaxValue;

    /// <summary>Whether images of this shape can be looked at.</summary>
    public static bool IsVisible(ImageShape shape) => !shape.IsFlat && shape.Height > 1 && shape.Width > 1;

    /// <summary>A picture as a data URI: its first channel in grey, or three and more as red, green and blue.</summary>
    /// <param name="pixels">[H, W, C]: 0 … 255 or 0 … 1; other values are brought to the range of the picture.</param>
    /// <param name="shape">H, W and C.</param>
    public static string ToDataUri(float[] pixels, ImageShape shape) => Encode(shape, Colours(pixels, shape));

    /// <summary>The picture in pale grey, and over it how much each place matters.</summary>
    /// <param name="pixels">[H, W, C].</param>
    /// <param name="shape">H, W and C.</param>
    /// <param name="heat">[H, W], 0 … 1.</param>
    public static string ToDataUri(float[] pixels, ImageShape shape, float[] heat)
    {
        SKColor[] colours = Colours(pixels, shape);
        for (int i = 0; i < colours.Length; i++)
        {
            SKColor colour = colours[i];
            double grey = 0.3 * colour.Red + 0.59 * colour.Green + 0.11 * colour.Blue, share = Math.Clamp(heat[i], 0, 1);
            double pale = 60 + 0.55 * grey;
            colours[i] = new SKColor(Mix(pale, 255, share), Mix(pale, 120, share), Mix(pale, 20, share));
        }

        return Encode(shape, colours);
    }

    private static byte Mix(double from, double to, double share) => (byte)Math.Round(from + (to - from) * share);

    private static SKColor[] Colours(float[] pixels, ImageShape shape)
    {
        (float offset, float factor) = (pixels.Min(), pixels.Max()) switch
        {
            ( >= 0, <= 1) => (0f, 255f),
            ( >= 0, <= 255) => (0f, 1f),
            (float least, float most) => (least, 255 / (most - least)),
        };
        byte Level(int index) => (byte)Math.Clamp(MathF.Round((pixels[index] - offset) * factor), 0, Full);
        var colours = new SKColor[shape.Height * shape.Width];
        for (int i = 0; i < colours.Length; i++)
        {
            int first = i * shape.Channels, step = shape.Channels >= 3 ? 1 : 0;
            colours[i] = new SKColor(Level(first), Level(first + step), Level(first + 2 * step));
        }

        return colours;
    }

    private static string Encode(ImageShape shape, SKColor[] colours)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(shape.Width, shape.Height, SKColorType.Bgra8888, SKAlphaType.Opaque));
        bitmap.Pixels = colours;
        using SKData png = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return $"data:image/png;base64,{Convert.ToBase64String(png.Span)}";
    }
}
