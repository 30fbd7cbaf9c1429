using System.Text.Json.Serialization;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace MLNetKfac.Pictures;

/// <summary>Rows and columns of a picture.</summary>
internal readonly record struct PictureSize(int Height, int Width)
{
    [JsonIgnore]
    public PictureSize Turned => new(Width, Height);

    public override string ToString() => $"{Width} x {Height}";
}

/// <summary>The size that every picture gets, and how one of other proportions gets it.</summary>
internal readonly record struct Frame(int Height, int Width, ImageResizingEstimator.ResizingKind Resizing)
{
    public const int BytesPerPixel = 4;

    /// <summary>How rows and columns of an upright picture are scaled. What protrudes from the frame is cut off on both sides alike.</summary>
    public PictureScale Scale(PictureSize picture)
    {
        double rows = (double)picture.Height / Height, columns = (double)picture.Width / Width;
        return Resizing switch
        {
            ImageResizingEstimator.ResizingKind.Fill => new PictureScale(new AxisScale(Height, rows), new AxisScale(Width, columns)),
            ImageResizingEstimator.ResizingKind.IsoCrop => new PictureScale(new AxisScale(Height, Math.Min(rows, columns)), new AxisScale(Width, Math.Min(rows, columns))),
            _ => new PictureScale(AxisScale.ToWhole(picture.Height, Math.Max(rows, columns)), AxisScale.ToWhole(picture.Width, Math.Max(rows, columns))),
        };
    }

    /// <summary>[Height, Width] pixels with <paramref name="picture"/>, turned upright, in the middle and black around it.</summary>
    public byte[] Centre(Bitmap picture, Orientation orientation)
    {
        PictureSize upright = orientation.Turn(picture.Size);
        int top = (Height - upright.Height) / 2, left = (Width - upright.Width) / 2;
        var pixels = new byte[Height * Width * BytesPerPixel];
        for (int row = 0; row < upright.Height; row++)
        {
            for (int column = 0; column < upright.Width; column++)
            {
                (int sourceRow, int sourceColumn) = orientation.Source(row, column, picture.Size);
                picture.Pixel(sourceRow, sourceColumn).CopyTo(pixels.AsSpan(((top + row) * Width + left + column) * BytesPerPixel));
            }
        }

        return pixels;
    }

    /// <summary>An image of what <see cref="Centre"/> gave.</summary>
    public MLImage ToImage(byte[] pixels) => MLImage.CreateFromPixels(Width, Height, MLPixelFormat.Bgra32, pixels);
}

/// <summary>How a picture is scaled.</summary>
internal readonly record struct PictureScale(AxisScale Rows, AxisScale Columns)
{
    public PictureScale Turned => new(Columns, Rows);

    public PictureSize Result => new(Rows.Count, Columns.Count);
}

/// <summary>How rows or columns are scaled: <paramref name="Count"/> of them are made of the middle, each of <paramref name="Step"/> old ones.</summary>
internal readonly record struct AxisScale(int Count, double Step)
{
    /// <summary>All of <paramref name="length"/>, with a step as near to <paramref name="step"/> as a whole number of new ones allows.</summary>
    public static AxisScale ToWhole(int length, double step)
    {
        int count = Math.Max(1, (int)Math.Round(length / step, MidpointRounding.AwayFromZero));
        return new AxisScale(count, (double)length / count);
    }
}

/// <summary>[Height, Width] pixels of four bytes.</summary>
internal readonly ref struct Bitmap(PictureSize size, ReadOnlySpan<byte> pixels)
{
    private readonly ReadOnlySpan<byte> _pixels = pixels;

    public PictureSize Size { get; } = size;

    public ReadOnlySpan<byte> Row(int row) => _pixels.Slice(row * Size.Width * Frame.BytesPerPixel, Size.Width * Frame.BytesPerPixel);

    public ReadOnlySpan<byte> Pixel(int row, int column) => _pixels.Slice((row * Size.Width + column) * Frame.BytesPerPixel, Frame.BytesPerPixel);
}
