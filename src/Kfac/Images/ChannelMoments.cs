namespace Kfac.Images;

/// <summary>Mean and standard deviation of each channel over the images that were added.</summary>
internal sealed class ChannelMoments(ImageShape shape)
{
    /// <summary>Standard deviations below this share of the mean are rounding.</summary>
    private const double MinRelativeDeviation = 1e-7;

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
        float[] factor = [.. _squares.Zip(_sums, (s2, s) => FactorOf(Math.Sqrt(Math.Max(0, s2 / count - s / count * (s / count))), Math.Abs(s / count)))];
        return new InputScaling(shape, mean, factor);
    }

    /// <summary>1 / standard deviation, or 1 where the channel never changes, or by so little that this is infinite.</summary>
    private static float FactorOf(double deviation, double mean) => deviation > MinRelativeDeviation * mean && float.IsFinite((float)(1 / deviation)) ? (float)(1 / deviation) : 1;
}
