namespace Microsoft.ML.Data;

/// <summary>The pixels along one axis that a new pixel is made of, and their weights.</summary>
internal sealed record InterpolationTaps(int[] Indices, float[] Weights)
{
    /// <summary>The taps of each of <paramref name="count"/> pixels spread evenly over <paramref name="sourceCount"/>.</summary>
    public static InterpolationTaps[] ForEach(int count, int sourceCount, bool isCubic)
    {
        var taps = new InterpolationTaps[count];
        for (int i = 0; i < count; i++)
        {
            taps[i] = Around(((i + 0.5f) * sourceCount / count) - 0.5f, sourceCount, isCubic);
        }

        return taps;
    }

    // The four pixels around a place; those beyond the edge are replaced by the one at it.
    private static InterpolationTaps Around(float place, int sourceCount, bool isCubic)
    {
        int first = (int)MathF.Floor(place) - 1;
        int[] indices = [.. Enumerable.Range(first, 4)];
        return new InterpolationTaps(
            [.. indices.Select(index => Math.Clamp(index, 0, sourceCount - 1))],
            [.. indices.Select(index => isCubic ? Cubic(MathF.Abs(place - index)) : MathF.Max(0, 1 - MathF.Abs(place - index)))]);
    }

    // The filter of Mitchell and Netravali (1988) with B = C = 1/3.
    private static float Cubic(float distance)
    {
        float square = distance * distance;
        float cube = square * distance;
        return distance < 1 ? ((7 * cube) - (12 * square) + (16f / 3)) / 6
            : distance < 2 ? ((-7f / 3 * cube) + (12 * square) - (20 * distance) + (32f / 3)) / 6
            : 0;
    }
}
