using Kfac;
using Kfac.Images;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetKfac;

namespace OptimizerComparison;

/// <summary>Images to train on and to test by.</summary>
/// <param name="Training">Training images.</param>
/// <param name="Test">Test images, of the same shape and classes.</param>
/// <param name="ClassNames">Names of the classes; null for those of Fashion-MNIST, or numbers.</param>
internal sealed record ComparedImages(MemoryImageSource Training, MemoryImageSource Test, IReadOnlyList<string>? ClassNames)
{
    private const double TestFraction = 0.25;

    private const int Channels = 3, BytesPerPixel = 4;

    /// <summary>Reads IDX files, or else pictures in a folder for each class, a quarter of which are held back.</summary>
    /// <param name="mlContext">What reads pictures.</param>
    /// <param name="folder">Where they are.</param>
    /// <param name="size">Rows and columns that pictures are resized to.</param>
    /// <param name="most">Largest number of training images, and of test images.</param>
    public static ComparedImages Read(MLContext mlContext, string folder, int size, int most)
    {
        if (Directory.Exists(folder) && Directory.EnumerateFiles(folder, "train-*").Any())
        {
            return new ComparedImages(First(IdxFile.ReadFolder(folder, "train"), most), First(IdxFile.ReadFolder(folder, "t10k"), most), null);
        }

        ImageFolderDataView pictures = mlContext.Data.LoadImagesFromFolder(folder, new ImageFolderOptions { ImageSize = (size, size) });
        (ImageFolderDataView training, ImageFolderDataView test) = pictures.Split(TestFraction, seed: 1);
        return new ComparedImages(First(Load(training, size), most), First(Load(test, size), most), pictures.ClassNames);
    }

    /// <summary>The first <paramref name="count"/> images, or all where there are no more.</summary>
    public static MemoryImageSource First(MemoryImageSource images, int count)
    {
        MemoryImageSource first = new(images.Shape, images.ClassCount);
        float[] pixels = new float[images.Shape.Size];
        for (int n = 0; n < Math.Min(count, images.Count); n++)
        {
            images.ReadImage(n, pixels);
            first.Add(pixels, images.GetLabel(n));
        }

        return first;
    }

    private static MemoryImageSource Load(ImageFolderDataView view, int size)
    {
        MemoryImageSource images = new(new ImageShape(size, size, Channels), view.ClassNames.Count);
        DataViewSchema.Column image = view.Schema["Image"], label = view.Schema["Label"];
        using DataViewRowCursor cursor = view.GetRowCursor([image, label]);
        ValueGetter<MLImage> getImage = cursor.GetGetter<MLImage>(image);
        ValueGetter<ReadOnlyMemory<char>> getLabel = cursor.GetGetter<ReadOnlyMemory<char>>(label);
        MLImage picture = null!;
        ReadOnlyMemory<char> name = default;
        float[] pixels = new float[images.Shape.Size];
        List<(float[] Pixels, int Label)> rows = [];
        while (cursor.MoveNext())
        {
            getImage(ref picture);
            getLabel(ref name);
            for (int i = 0; i < pixels.Length; i++)
            {
                // Blue, green, red, alpha become red, green, blue.
                pixels[i] = picture.Pixels[i / Channels * BytesPerPixel + Channels - 1 - i % Channels];
            }

            rows.Add(([.. pixels], view.ClassNames.ToList().IndexOf(name.ToString())));
        }

        (float[] Pixels, int Label)[] mixed = [.. rows];
        new Random(1).Shuffle(mixed); // so that the first ones are of all classes
        foreach ((float[] values, int number) in mixed)
        {
            images.Add(values, number);
        }

        return images;
    }
}
