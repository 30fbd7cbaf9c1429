namespace Microsoft.ML.Data;

/// <summary>The order of the four bytes of a pixel.</summary>
public enum MLPixelFormat
{
    Unknown = 0,
    Bgra32 = 1,
    Rgba32 = 2,
}

/// <summary>An image in memory: 4 bytes a pixel, rows from top to bottom, colours multiplied by their alpha.</summary>
public sealed class MLImage : IDisposable
{
    private readonly MLPixelFormat _pixelFormat;
    private readonly int _width;
    private readonly int _height;
    private byte[] _pixels;
    private string _tag;

    internal MLImage(int width, int height, MLPixelFormat pixelFormat, byte[] pixels)
    {
        _width = width;
        _height = height;
        _pixelFormat = pixelFormat;
        _pixels = pixels;
    }

    public MLPixelFormat PixelFormat => Alive(_pixelFormat);

    /// <summary>The colours alone, 3 bytes a pixel, not multiplied by alpha.</summary>
    public byte[] GetBGRPixels
    {
        get
        {
            ReadOnlySpan<byte> pixels = Pixels;
            ChannelOrder order = Channels;
            var colours = new byte[_width * _height * 3];
            for (int pixel = 0; pixel < _width * _height; pixel++)
            {
                ReadOnlySpan<byte> source = pixels.Slice(4 * pixel, 4);
                colours[3 * pixel] = PixelAlpha.Unmultiply(source[order.Blue], source[ChannelOrder.Alpha]);
                colours[(3 * pixel) + 1] = PixelAlpha.Unmultiply(source[order.Green], source[ChannelOrder.Alpha]);
                colours[(3 * pixel) + 2] = PixelAlpha.Unmultiply(source[order.Red], source[ChannelOrder.Alpha]);
            }

            return colours;
        }
    }

    public ReadOnlySpan<byte> Pixels => Alive(_pixels);

    /// <summary>Anything that is to be known of the image, such as the path it was loaded from.</summary>
    public string Tag
    {
        get => Alive(_tag);
        set
        {
            Alive(_tag);
            _tag = value;
        }
    }

    public int Width => Alive(_width);

    public int Height => Alive(_height);

    public int BitsPerPixel => Alive(32);

    internal ChannelOrder Channels => ChannelOrder.Of(PixelFormat);

    /// <summary>Reads a PNG, BMP, PGM or PPM file.</summary>
    public static MLImage CreateFromFile(string imagePath)
    {
        ArgumentNullException.ThrowIfNull(imagePath);
        if (!File.Exists(imagePath))
        {
            throw new ArgumentException($"There is no file {imagePath}.", nameof(imagePath));
        }

        return ImageFile.Decode(File.ReadAllBytes(imagePath));
    }

    /// <summary>Reads the content of a PNG, BMP, PGM or PPM file.</summary>
    public static MLImage CreateFromStream(Stream imageStream)
    {
        ArgumentNullException.ThrowIfNull(imageStream);
        using var content = new MemoryStream();
        imageStream.CopyTo(content);
        return ImageFile.Decode(content.ToArray());
    }

    public static MLImage CreateFromPixels(int width, int height, MLPixelFormat pixelFormat, ReadOnlySpan<byte> imagePixelData)
    {
        if (pixelFormat is not (MLPixelFormat.Bgra32 or MLPixelFormat.Rgba32))
        {
            throw new ArgumentException($"The pixel format is Bgra32 or Rgba32, not {pixelFormat}.", nameof(pixelFormat));
        }

        if (width <= 0 || height <= 0)
        {
            throw new ArgumentException($"An image has a positive width and height, not {width} x {height}.", width <= 0 ? nameof(width) : nameof(height));
        }

        if (imagePixelData.Length != (long)width * height * 4)
        {
            throw new ArgumentException($"An image of {width} x {height} takes {(long)width * height * 4} bytes, not {imagePixelData.Length}.", nameof(imagePixelData));
        }

        return new MLImage(width, height, pixelFormat, imagePixelData.ToArray());
    }

    /// <summary>Writes a PNG or BMP file, as the extension says.</summary>
    public void Save(string imagePath)
    {
        ArgumentNullException.ThrowIfNull(imagePath);
        File.WriteAllBytes(imagePath, ImageFile.Encode(this, Path.GetExtension(imagePath)));
    }

    public void Dispose() => _pixels = null;

    private T Alive<T>(T value) => _pixels is not null ? value : throw new InvalidOperationException("The image is disposed.");
}
