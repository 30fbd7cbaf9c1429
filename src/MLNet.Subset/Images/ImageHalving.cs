namespace Microsoft.ML.Data;

/// <summary>Makes images of half the size, which keeps fine detail from turning into noise when they shrink.</summary>
internal static class ImageHalving
{
    /// <summary>Averages two by two pixels; along an odd side three, the middle one with double weight.</summary>
    public static MLImage Halve(MLImage image)
    {
        ReadOnlySpan<byte> source = image.Pixels;
        int width = Math.Max(1, image.Width / 2);
        int height = Math.Max(1, image.Height / 2);
        int[] columnWeights = Weights(image.Width);
        int[] rowWeights = Weights(image.Height);
        int total = columnWeights.Sum() * rowWeights.Sum();
        var pixels = new byte[4 * width * height];
        for (int at = 0; at < pixels.Length; at++)
        {
            int channel = at % 4;
            int x = 2 * (at / 4 % width);
            int y = 2 * (at / 4 / width);
            int sum = 0;
            for (int i = 0; i < rowWeights.Length; i++)
            {
                for (int j = 0; j < columnWeights.Length; j++)
                {
                    sum += rowWeights[i] * columnWeights[j] * source[(4 * (((y + i) * image.Width) + x + j)) + channel];
                }
            }

            pixels[at] = (byte)(sum / total);
        }

        return new MLImage(width, height, image.PixelFormat, pixels);
    }

    private static int[] Weights(int length) => length == 1 ? [1] : length % 2 == 0 ? [1, 1] : [1, 2, 1];
}
