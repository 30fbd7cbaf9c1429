using Kfac.Images;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetKfac.Tool.Data;

/// <summary>Images of IDX files as images like any others.</summary>
internal static class IdxPictures
{
    /// <summary>Whether a folder holds the images of this prefix.</summary>
    public static bool Exist(string folder, string prefix) =>
        ((string[])["idx3", "idx4"]).Any(kind => File.Exists(Path.Combine(folder, $"{prefix}-images-{kind}-ubyte")) || File.Exists(Path.Combine(folder, $"{prefix}-images-{kind}-ubyte.gz")));

    public static PictureSet Read(MLContext mlContext, string folder, string prefix)
    {
        MemoryImageSource images = IdxFile.ReadFolder(folder, prefix);
        if (images.Shape.Channels is not (1 or 3))
        {
            throw new FormatException($"the images of {prefix} in '{folder}' have {images.Shape.Channels} channels, but must be grey (1) or RGB (3)");
        }

        return new PictureSet(
            mlContext.Data.LoadFromEnumerable(Rows(images), ImageRow.SchemaFor(images.Shape.Height, images.Shape.Width)), images.Count, images.Shape.Height, images.Shape.Width, images.Shape.Channels,
            [.. Enumerable.Range(0, images.ClassCount).Select(number => $"{number}")], folder);
    }

    private static IEnumerable<ImageRow> Rows(MemoryImageSource images)
    {
        var values = new float[images.Shape.Size];
        var pixels = new byte[images.Shape.Height * images.Shape.Width * 4];
        for (int number = 0; number < images.Count; number++)
        {
            images.ReadImage(number, values);
            for (int pixel = 0; pixel < pixels.Length / 4; pixel++)
            {
                ReadOnlySpan<float> colours = values.AsSpan(pixel * images.Shape.Channels, images.Shape.Channels);
                (pixels[4 * pixel], pixels[4 * pixel + 1], pixels[4 * pixel + 2], pixels[4 * pixel + 3]) = ((byte)colours[^1], (byte)colours[colours.Length / 2], (byte)colours[0], byte.MaxValue);
            }

            // Gone when the next row is asked for: whoever reads it has it in hand until then.
            using var image = MLImage.CreateFromPixels(images.Shape.Width, images.Shape.Height, MLPixelFormat.Bgra32, pixels);
            yield return new ImageRow { Image = image, Label = $"{images.GetLabel(number)}" };
        }
    }
}
