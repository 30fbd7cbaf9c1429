using System.Numerics.Tensors;

namespace MLNetKfac.Pictures;

/// <summary>
/// Scales pictures by a triangle filter along rows and columns: out[i] = Σ_j w(|j - c_i| / max(1, s)) in[j] / Σ_j w with
/// w(t) = max(0, 1 - t), s input pixels to an output pixel, and c_i such that both have one middle. Linear interpolation where a picture grows; where it
/// shrinks, every input pixel counts, so that fine patterns become grey and not other patterns.
/// </summary>
internal static class Resampler
{
    private const int BytesPerPixel = Frame.BytesPerPixel;

    /// <summary>The picture in another size, [H, W] pixels of four bytes.</summary>
    public static byte[] Scale(Bitmap picture, PictureScale scale)
    {
        PictureSize size = scale.Result;
        Taps[] rows = CreateTaps(picture.Size.Height, scale.Rows), columns = CreateTaps(picture.Size.Width, scale.Columns);
        var result = new byte[size.Height * size.Width * BytesPerPixel];
        var line = new float[picture.Size.Width * BytesPerPixel];
        var sum = new float[line.Length];
        for (int row = 0; row < size.Height; row++)
        {
            Array.Clear(sum);
            for (int tap = 0; tap < rows[row].Weights.Length; tap++)
            {
                TensorPrimitives.ConvertTruncating<byte, float>(picture.Row(rows[row].First + tap), line);
                TensorPrimitives.MultiplyAdd(line, rows[row].Weights[tap], sum, sum);
            }

            ScaleRow(sum, columns, result.AsSpan(row * size.Width * BytesPerPixel, size.Width * BytesPerPixel));
        }

        return result;
    }

    private static void ScaleRow(ReadOnlySpan<float> line, Taps[] columns, Span<byte> result)
    {
        for (int column = 0; column < columns.Length; column++)
        {
            for (int channel = 0; channel < BytesPerPixel; channel++)
            {
                float sum = 0;
                for (int tap = 0; tap < columns[column].Weights.Length; tap++)
                {
                    sum += columns[column].Weights[tap] * line[(columns[column].First + tap) * BytesPerPixel + channel];
                }

                result[column * BytesPerPixel + channel] = (byte)Math.Clamp(sum + 0.5f, 0, byte.MaxValue);
            }
        }
    }

    private static Taps[] CreateTaps(int length, AxisScale scale)
    {
        double reach = Math.Max(1, scale.Step);
        var taps = new Taps[scale.Count];
        for (int i = 0; i < taps.Length; i++)
        {
            double centre = (i + 0.5 - scale.Count / 2.0) * scale.Step + length / 2.0 - 0.5;
            int first = Math.Max(0, (int)Math.Floor(centre - reach) + 1), last = Math.Min(length - 1, (int)Math.Ceiling(centre + reach) - 1);
            double[] weights = [.. Enumerable.Range(first, last - first + 1).Select(j => 1 - Math.Abs(j - centre) / reach)];
            double total = weights.Sum();
            taps[i] = new Taps(first, Array.ConvertAll(weights, weight => (float)(weight / total)));
        }

        return taps;
    }

    /// <summary>The input pixels that an output pixel is made of.</summary>
    private readonly record struct Taps(int First, float[] Weights);
}
