using Microsoft.ML.Transforms.Image;

namespace Microsoft.ML.Data;

/// <summary>Which channels of an image lie in a vector, in which order, and whether pixel by pixel or plane by plane.</summary>
internal sealed class ColorPlanes
{
    private readonly ImagePixelExtractingEstimator.ColorBits _colors;
    private readonly ImagePixelExtractingEstimator.ColorsOrder _order;

    public ColorPlanes(ImagePixelExtractingEstimator.ColorBits colors, ImagePixelExtractingEstimator.ColorsOrder order, bool interleaved)
    {
        _colors = colors & ImagePixelExtractingEstimator.ColorBits.All;
        _order = order;
        Interleaved = interleaved;
        if (_colors == 0)
        {
            throw new ArgumentOutOfRangeException(nameof(colors), colors, "At least one channel is needed.");
        }

        Channels = [.. order.ToString().Select(ToColor).Where(color => (_colors & color) != 0)];
    }

    /// <summary>The channels that are there, in order.</summary>
    public ImagePixelExtractingEstimator.ColorBits[] Channels { get; }

    public bool Interleaved { get; }

    public static ColorPlanes Read(BinaryReader reader)
        => new((ImagePixelExtractingEstimator.ColorBits)reader.ReadByte(), (ImagePixelExtractingEstimator.ColorsOrder)reader.ReadByte(), reader.ReadBoolean());

    /// <summary>The place of a channel among the bytes of a pixel.</summary>
    public static int ByteOf(ImagePixelExtractingEstimator.ColorBits channel, ChannelOrder order) => channel switch
    {
        ImagePixelExtractingEstimator.ColorBits.Red => order.Red,
        ImagePixelExtractingEstimator.ColorBits.Green => order.Green,
        ImagePixelExtractingEstimator.ColorBits.Blue => order.Blue,
        _ => ChannelOrder.Alpha,
    };

    public void Write(BinaryWriter writer)
    {
        writer.Write((byte)_colors);
        writer.Write((byte)_order);
        writer.Write(Interleaved);
    }

    /// <summary>Height, width and channels, or channels, height and width.</summary>
    public VectorDataViewType VectorType(PrimitiveDataViewType itemType, int height, int width)
        => Interleaved
            ? new VectorDataViewType(itemType, height, width, Channels.Length)
            : new VectorDataViewType(itemType, Channels.Length, height, width);

    /// <summary>The place in the vector of channel number <paramref name="channel"/> of a pixel.</summary>
    public int IndexOf(int channel, int pixel, int pixelCount)
        => Interleaved ? (pixel * Channels.Length) + channel : (channel * pixelCount) + pixel;

    private static ImagePixelExtractingEstimator.ColorBits ToColor(char letter) => letter switch
    {
        'R' => ImagePixelExtractingEstimator.ColorBits.Red,
        'G' => ImagePixelExtractingEstimator.ColorBits.Green,
        'B' => ImagePixelExtractingEstimator.ColorBits.Blue,
        _ => ImagePixelExtractingEstimator.ColorBits.Alpha,
    };
}
