namespace Kfac.Images;

/// <summary>Mean and deviation of each channel over the images that were added.</summary>
internal sealed class ChannelMoments(ImageShape shape)
{
    private readonly double[] _sums = new double[shape.Channels];
    private readonly double[] _squares = new double[shape.Channels];
    private long _images;

    /// <param name="pixels">[H, W, C].</param>
    public void Add(ReadOnlySpan<float> pixels)
    {
        int channels = shape.Channels;
        for (int c = 0; c < channels; c++)
        {
            (double sum, double squares) = (_sums[c], _squares[c]);
            for (int i = c; i < pixels.Length; i += channels)
            {
                double value = pixels[i];
                sum += value;
                squares += value * value;
            }

            (_sums[c], _squares[c]) = (sum, squares);
        }

        _images++;
    }

    public InputScaling ToScaling()
    {
        double count = (double)_images * shape.Height * shape.Width;
        float[] mean = [.. _sums.Select(s => (float)(s / count))];
        float[] factor = [.. _squares.Zip(_sums, (s2, s) => Math.Sqrt(Math.Max(0, s2 / count - s / count * (s / count)))).Select(d => d > 1e-12 ? (float)(1 / d) : 1f)];
        return new InputScaling(shape, mean, factor);
    }
}
