namespace Kfac.Kernels;

/// <summary>max(0, x) on contiguous runs, and its backward pass.</summary>
internal static class Rectifier
{
    /// <summary>y = max(0, y)</summary>
    /// <param name="y">in place</param>
    public static void Forward(Span<float> y)
    {
        for (int i = 0; i < y.Length; i++)
            y[i] = Math.Max(y[i], 0f);
    }

    /// <summary>dy = y &gt; 0 ? dy : 0</summary>
    /// <param name="y">The rectifier's output.</param>
    /// <param name="dy">in place</param>
    public static void Backward(ReadOnlySpan<float> y, Span<float> dy)
    {
        for (int i = 0; i < dy.Length; i++)
            dy[i] = y[i] > 0f ? dy[i] : 0f;
    }
}
