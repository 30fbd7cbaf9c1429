namespace Microsoft.ML.Data;

/// <summary>Colours are kept multiplied by alpha, and are not in files.</summary>
internal static class PixelAlpha
{
    public static byte Multiply(byte colour, byte alpha) => (byte)(((colour * alpha) + 127) / 255);

    public static byte Unmultiply(byte colour, byte alpha)
        => alpha is 0 or 255 ? colour : (byte)Math.Min(255, ((colour * 255) + (alpha / 2)) / alpha);
}
