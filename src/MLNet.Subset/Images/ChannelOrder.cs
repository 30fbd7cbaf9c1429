namespace Microsoft.ML.Data;

/// <summary>The places of the colours among the four bytes of a pixel; alpha is always the last.</summary>
internal readonly record struct ChannelOrder(int Red, int Green, int Blue)
{
    public const int Alpha = 3;

    public static ChannelOrder Of(MLPixelFormat format) => format == MLPixelFormat.Bgra32 ? new(2, 1, 0) : new(0, 1, 2);
}
