using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;
using MLNetKfac.Pictures;

namespace MLNetKfac;

/// <summary>Reads single pictures the way <c>mlContext.Data.LoadImagesFromFolder</c> does, so that a model classifies them as it was trained.</summary>
public static class ImageFile
{
    /// <summary>Reads a picture (JPEG, PNG, BMP, WebP or the first frame of a GIF), turned upright as its EXIF orientation says.</summary>
    /// <param name="path">The file.</param>
    /// <param name="height">Rows of the image to be made, at least 1.</param>
    /// <param name="width">Columns of the image to be made, at least 1.</param>
    /// <param name="resizing">How a picture of other proportions gets this size.</param>
    /// <returns>The image, in <see cref="MLPixelFormat.Bgra32"/>; transparent parts lie on black.</returns>
    /// <exception cref="FormatException">The picture is cut off or cannot be decoded; the message names file and reason.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static MLImage Read(string path, int height, int width, ImageResizingEstimator.ResizingKind resizing = ImageResizingEstimator.ResizingKind.IsoPad)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        Frame frame = CreateFrame(height, width, resizing);
        return frame.ToImage(PictureDecoder.Read(path, frame));
    }

    /// <inheritdoc cref="Read(string, int, int, ImageResizingEstimator.ResizingKind)"/>
    /// <param name="stream">The picture's bytes, read to the end.</param>
    /// <param name="height">Rows of the image to be made, at least 1.</param>
    /// <param name="width">Columns of the image to be made, at least 1.</param>
    /// <param name="resizing">How a picture of other proportions gets this size.</param>
    public static MLImage Read(Stream stream, int height, int width, ImageResizingEstimator.ResizingKind resizing = ImageResizingEstimator.ResizingKind.IsoPad)
    {
        ArgumentNullException.ThrowIfNull(stream);
        Frame frame = CreateFrame(height, width, resizing);
        return frame.ToImage(PictureDecoder.Read(stream, frame));
    }

    /// <summary>The size of a picture by the head of its file, without decoding it: a small file can claim any number of pixels.</summary>
    /// <param name="stream">The picture's bytes, of which only the head is decoded.</param>
    /// <returns>Rows and columns of the picture when it is upright, as its EXIF orientation says.</returns>
    /// <exception cref="FormatException">It is no picture, or its head is cut off.</exception>
    public static (int Height, int Width) Measure(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        PictureSize size = PictureDecoder.Measure(stream);
        return (size.Height, size.Width);
    }

    private static Frame CreateFrame(int height, int width, ImageResizingEstimator.ResizingKind resizing)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        return Enum.IsDefined(resizing)
            ? new Frame(height, width, resizing)
            : throw new ArgumentOutOfRangeException(nameof(resizing), resizing, "must be IsoPad, IsoCrop or Fill");
    }
}
