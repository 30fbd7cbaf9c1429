using Microsoft.ML.Transforms.Image;

namespace Microsoft.ML.Data;

/// <summary>
/// Makes images of another size: stretched to it by nearest pixels, or kept in proportion, and then cropped or padded with
/// black. What grows is interpolated by a cubic; what shrinks is first halved as often as it goes, then interpolated linearly.
/// </summary>
internal static class ImageResampling
{
    public static MLImage Resize(
        MLImage image, int width, int height, ImageResizingEstimator.ResizingKind kind, ImageResizingEstimator.Anchor anchor)
    {
        if (image.Width == width && image.Height == height)
        {
            return image;
        }

        if (kind == ImageResizingEstimator.ResizingKind.Fill)
        {
            return Stretch(image, width, height);
        }

        float widthRatio = (float)width / image.Width;
        float heightRatio = (float)height / image.Height;
        bool crops = kind == ImageResizingEstimator.ResizingKind.IsoCrop;
        float ratio = crops ? Math.Max(widthRatio, heightRatio) : Math.Min(widthRatio, heightRatio);
        float spareWidth = width - (image.Width * ratio); // negative where it is cropped
        float spareHeight = height - (image.Height * ratio);
        bool heightIsCropped = crops && heightRatio < widthRatio;
        bool widthIsCropped = crops && !heightIsCropped;
        int left = (widthIsCropped ? anchor : ImageResizingEstimator.Anchor.Center) switch
        {
            ImageResizingEstimator.Anchor.Left => 0,
            ImageResizingEstimator.Anchor.Right => (int)spareWidth,
            _ => (int)(spareWidth / 2),
        };
        int top = (heightIsCropped ? anchor : ImageResizingEstimator.Anchor.Center) switch
        {
            ImageResizingEstimator.Anchor.Top => 0,
            ImageResizingEstimator.Anchor.Bottom => (int)spareHeight,
            _ => (int)(spareHeight / 2),
        };
        return Draw(image, width, height, left, top, (int)(image.Width * ratio), (int)(image.Height * ratio));
    }

    /// <summary>The brightness as red, green and blue; the result is opaque.</summary>
    public static MLImage ToGrey(MLImage image)
    {
        ReadOnlySpan<byte> source = image.Pixels;
        ChannelOrder order = image.Channels;
        var pixels = new byte[source.Length];
        for (int at = 0; at < pixels.Length; at += 4)
        {
            float brightness = (0.3f * source[at + order.Red]) + (0.59f * source[at + order.Green]) + (0.11f * source[at + order.Blue]);
            pixels.AsSpan(at, 3).Fill((byte)(brightness + 0.5f));
            pixels[at + ChannelOrder.Alpha] = byte.MaxValue;
        }

        return new MLImage(image.Width, image.Height, image.PixelFormat, pixels) { Tag = image.Tag };
    }

    private static MLImage Stretch(MLImage image, int width, int height)
    {
        ReadOnlySpan<byte> source = image.Pixels;
        // The pixel below the middle of the new one; where that lies between two, the first of them.
        static int Nearest(int index, int from, int to) => (int)Math.Ceiling((index + 0.5) * from / to) - 1;

        var pixels = new byte[4 * width * height];
        for (int y = 0; y < height; y++)
        {
            int fromY = Nearest(y, image.Height, height);
            for (int x = 0; x < width; x++)
            {
                int fromX = Nearest(x, image.Width, width);
                source.Slice(4 * ((fromY * image.Width) + fromX), 4).CopyTo(pixels.AsSpan(4 * ((y * width) + x)));
            }
        }

        return new MLImage(width, height, image.PixelFormat, pixels) { Tag = image.Tag };
    }

    // Draws the image into the rectangle, which may reach beyond the new image, on transparent black.
    private static MLImage Draw(MLImage image, int width, int height, int left, int top, int drawnWidth, int drawnHeight)
    {
        bool shrinks = drawnWidth < image.Width || drawnHeight < image.Height;
        double shrinkage = Math.Sqrt((double)image.Width * image.Height / ((double)Math.Max(1, drawnWidth) * Math.Max(1, drawnHeight)));
        MLImage source = image;
        for (int halvings = (int)Math.Log2(Math.Max(1, shrinkage)); halvings > 0; halvings--)
        {
            source = ImageHalving.Halve(source);
        }

        InterpolationTaps[] rows = InterpolationTaps.ForEach(drawnHeight, source.Height, isCubic: !shrinks);
        InterpolationTaps[] columns = InterpolationTaps.ForEach(drawnWidth, source.Width, isCubic: !shrinks);
        var pixels = new byte[4 * width * height];
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                if (y >= top && y < top + drawnHeight && x >= left && x < left + drawnWidth)
                {
                    for (int channel = 0; channel < 4; channel++)
                    {
                        pixels[(4 * ((y * width) + x)) + channel] = Interpolate(source, channel, rows[y - top], columns[x - left]);
                    }
                }
            }
        }

        return new MLImage(width, height, image.PixelFormat, pixels) { Tag = image.Tag };
    }

    private static byte Interpolate(MLImage image, int channel, InterpolationTaps rows, InterpolationTaps columns)
    {
        ReadOnlySpan<byte> source = image.Pixels;
        float sum = 0;
        for (int i = 0; i < rows.Indices.Length; i++)
        {
            float rowSum = 0;
            for (int j = 0; j < columns.Indices.Length; j++)
            {
                rowSum += columns.Weights[j] * source[(4 * ((rows.Indices[i] * image.Width) + columns.Indices[j])) + channel];
            }

            sum += rows.Weights[i] * rowSum;
        }

        return (byte)(Math.Clamp(sum, 0, 255) + 0.5f);
    }
}
