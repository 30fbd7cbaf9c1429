using SkiaSharp;

namespace MLNetKfac.Pictures;

/// <summary>Decodes picture files: JPEG, PNG, BMP, WebP and the first frame of a GIF. What is transparent lies on black.</summary>
internal static class PictureDecoder
{
    /// <summary>Most pixels of a picture, 512 MiB when decoded: a small file can claim any number of them.</summary>
    private const long MaxPixels = 1 << 27;

    private const long MaxFileBytes = 1 << 30;

    /// <summary>JPEG decodes to n/8 of its size for little more than the time that the smaller picture takes.</summary>
    private const int ScaleSteps = 8;

    private static readonly HashSet<string> Extensions =
        new(StringComparer.OrdinalIgnoreCase) { ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".gif", ".webp" };

    /// <summary>Whether a file is a picture, by the ending of its name.</summary>
    public static bool IsPictureName(string path) => Extensions.Contains(Path.GetExtension(path));

    /// <summary>Decodes a file into a frame: [H, W] pixels, blue, green, red, alpha.</summary>
    /// <exception cref="FormatException">The picture is cut off or cannot be decoded; the message names file and reason.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static byte[] Read(string path, Frame frame)
    {
        try
        {
            using SKCodec codec = Open(path);
            return Read(codec, frame);
        }
        catch (Exception damage) when (damage is FormatException or UnauthorizedAccessException)
        {
            throw new FormatException($"the picture '{path}' cannot be read: {damage.Message}", damage);
        }
    }

    /// <exception cref="FormatException">The picture is cut off or cannot be decoded.</exception>
    public static byte[] Read(Stream stream, Frame frame)
    {
        try
        {
            using SKCodec codec = Open(SKData.Create(stream));
            return Read(codec, frame);
        }
        catch (FormatException damage)
        {
            throw new FormatException($"the picture cannot be read: {damage.Message}", damage);
        }
    }

    /// <summary>The upright size of a picture, by the head of its file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="decodes">Whether the whole picture is decoded as well, as small as may be, to see that it can be.</param>
    /// <exception cref="FormatException">The picture is cut off or cannot be decoded.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static PictureSize Measure(string path, bool decodes)
    {
        using SKCodec codec = Open(path);
        RequireDecodable(codec);
        if (decodes)
        {
            using SKBitmap bitmap = Decode(codec, codec.GetScaledDimensions(1f / ScaleSteps));
        }

        return new Orientation(codec.EncodedOrigin).Turn(new PictureSize(codec.Info.Height, codec.Info.Width));
    }

    /// <summary>The upright size of a picture, by its head.</summary>
    /// <exception cref="FormatException">It is no picture, or its head is cut off.</exception>
    public static PictureSize Measure(Stream stream)
    {
        try
        {
            using SKCodec codec = Open(SKData.Create(stream));
            return new Orientation(codec.EncodedOrigin).Turn(new PictureSize(codec.Info.Height, codec.Info.Width));
        }
        catch (FormatException damage)
        {
            throw new FormatException($"the picture cannot be read: {damage.Message}", damage);
        }
    }

    private static SKCodec Open(string path)
    {
        // Read as a whole, which is faster than in the small pieces a codec asks for; a pipe, which has no length, not at all: it might never end.
        return new FileInfo(path).Length switch
        {
            0 => throw new FormatException("it is empty"),
            <= MaxFileBytes => Open(SKData.CreateCopy(File.ReadAllBytes(path))),
            long length => throw new FormatException($"it has {length} bytes, more than {MaxFileBytes}"),
        };
    }

    private static SKCodec Open(SKData? data)
    {
        if (data is null || data.IsEmpty)
        {
            throw new FormatException("it is empty");
        }

        using (data)
        {
            return SKCodec.Create(new SKMemoryStream(data), out SKCodecResult result)
                ?? throw new FormatException(result == SKCodecResult.IncompleteInput ? "it is cut off in its head" : "it is not a JPEG, PNG, BMP, GIF or WebP picture");
        }
    }

    private static void RequireDecodable(SKCodec codec)
    {
        if ((long)codec.Info.Width * codec.Info.Height > MaxPixels)
        {
            throw new FormatException($"it has {codec.Info.Width} x {codec.Info.Height} pixels, more than {MaxPixels}");
        }
    }

    private static byte[] Read(SKCodec codec, Frame frame)
    {
        var orientation = new Orientation(codec.EncodedOrigin);
        PictureSize stored = new(codec.Info.Height, codec.Info.Width);
        PictureScale upright = frame.Scale(orientation.Turn(stored)), scale = orientation.IsTransposed ? upright.Turned : upright;
        using SKBitmap bitmap = Decode(codec, SmallestAbove(codec, scale));
        PictureScale rest = new(
            scale.Rows with { Step = scale.Rows.Step * bitmap.Height / stored.Height },
            scale.Columns with { Step = scale.Columns.Step * bitmap.Width / stored.Width });
        byte[] scaled = Resampler.Scale(new Bitmap(new PictureSize(bitmap.Height, bitmap.Width), bitmap.GetPixelSpan()), rest);
        return frame.Centre(new Bitmap(scale.Result, scaled), orientation);
    }

    /// <summary>The smallest size that the codec can decode to in which two pixels or more become one: what is left to scale is then scaled well.</summary>
    private static SKSizeI SmallestAbove(SKCodec codec, PictureScale scale)
    {
        const double StepLeft = 2;
        SKSizeI whole = codec.Info.Size;
        for (int step = 1; step < ScaleSteps; step++)
        {
            SKSizeI scaled = codec.GetScaledDimensions((float)step / ScaleSteps);
            if (scaled.Width * scale.Columns.Step >= StepLeft * whole.Width && scaled.Height * scale.Rows.Step >= StepLeft * whole.Height)
            {
                return scaled;
            }
        }

        return whole;
    }

    private static SKBitmap Decode(SKCodec codec, SKSizeI size)
    {
        RequireDecodable(codec);

        // Without a colour space nothing is converted, as ML.NET has it.
        var info = new SKImageInfo(size.Width, size.Height, SKColorType.Bgra8888, SKAlphaType.Premul);
        var bitmap = new SKBitmap(info);
        SKCodecResult result = codec.GetPixels(info, bitmap.GetPixels());
        if (result == SKCodecResult.Success)
        {
            return bitmap;
        }

        bitmap.Dispose();
        throw new FormatException(result == SKCodecResult.IncompleteInput ? "it is cut off" : $"it cannot be decoded ({result})");
    }
}
