using Kfac;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetKfac.Columns;

/// <summary>
/// Reads <see cref="MLImage"/>s: red, green, blue (and alpha) as 0 … 255, or one grey value, 0.3 R + 0.59 G + 0.11 B rounded, as
/// <c>ConvertToGrayscale</c> has it. What is transparent counts as lying on black.
/// </summary>
internal sealed class MLImagePixelReader : PixelReader
{
    private const int BytesPerPixel = 4, Alpha = 3;

    private readonly DataViewRow _row;
    private readonly string _columnName;
    private readonly ValueGetter<MLImage?> _getter;
    private readonly ImageShape _shape;

    // Kept between rows, so that whoever made it can dispose of it when the next one is asked for.
    private MLImage? _image;

    public MLImagePixelReader(DataViewRow row, DataViewSchema.Column column, PixelFormat format)
    {
        _row = row;
        _columnName = column.Name;
        _getter = row.GetGetter<MLImage?>(column);
        _shape = format.Shape;
    }

    /// <summary>Size of the first image of a column.</summary>
    /// <exception cref="InvalidOperationException">There is none.</exception>
    public static (int Height, int Width) FirstSize(IDataView data, DataViewSchema.Column column)
    {
        using DataViewRowCursor cursor = data.GetRowCursor([column]);
        ValueGetter<MLImage?> getter = cursor.GetGetter<MLImage?>(column);
        MLImage? image = null;
        while (cursor.MoveNext())
        {
            getter(ref image);
            if (image is not null)
            {
                return (image.Height, image.Width);
            }
        }

        throw new InvalidOperationException($"there are no usable rows to train on: column '{column.Name}' has no image");
    }

    public override int Read(Span<float> image)
    {
        _getter(ref _image);
        if (_image is null)
        {
            image.Fill(float.NaN);
            return 0;
        }

        if (_image.Height != _shape.Height || _image.Width != _shape.Width)
        {
            throw new FormatException($"row {_row.Position} has an image of {_image.Height} rows and {_image.Width} columns in column '{_columnName}', but images of {_shape.Height} and {_shape.Width} are expected: resize them alike, by ResizeImages");
        }

        return TryCopy(_image, _shape.Channels, image)
            ? -1
            : throw new FormatException($"row {_row.Position} has an image of format {_image.PixelFormat} in column '{_columnName}', but {MLPixelFormat.Bgra32} or {MLPixelFormat.Rgba32} is expected");
    }

    /// <summary>Copies an image to [H, W, C] values.</summary>
    /// <returns>False for a pixel format other than the two of four bytes.</returns>
    public static bool TryCopy(MLImage image, int channels, Span<float> pixels)
    {
        if (image.PixelFormat is not (MLPixelFormat.Bgra32 or MLPixelFormat.Rgba32))
        {
            return false;
        }

        (int red, int blue) = image.PixelFormat == MLPixelFormat.Bgra32 ? (2, 0) : (0, 2);
        ReadOnlySpan<byte> source = image.Pixels;
        for (int pixel = 0; pixel < image.Height * image.Width; pixel++)
        {
            ReadOnlySpan<byte> colours = source.Slice(pixel * BytesPerPixel, BytesPerPixel);
            Span<float> values = pixels.Slice(pixel * channels, channels);
            if (channels == 1)
            {
                values[0] = MathF.Floor((0.3f * colours[red]) + (0.59f * colours[1]) + (0.11f * colours[blue]) + 0.5f);
                continue;
            }

            (values[0], values[1], values[2]) = (colours[red], colours[1], colours[blue]);
            if (channels > Alpha)
            {
                values[Alpha] = colours[Alpha];
            }
        }

        return true;
    }
}
