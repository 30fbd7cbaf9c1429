namespace Kfac.Images;

/// <summary>Labelled images that can be read in any order, by one thread at a time.</summary>
public interface IImageSource
{
    /// <summary>Shape of every image.</summary>
    ImageShape Shape { get; }

    /// <summary>Number of classes; labels are 0 … ClassCount-1.</summary>
    int ClassCount { get; }

    /// <summary>Number of images.</summary>
    int Count { get; }

    /// <summary>The class of image <paramref name="index"/>.</summary>
    int GetLabel(int index);

    /// <summary>
    /// How much image <paramref name="index"/> counts in the loss, finite and 0 or more; only the ratios matter, as weights are
    /// scaled to a mean of 1 over the training images. 1 unless implemented.
    /// </summary>
    float GetWeight(int index) => 1;

    /// <summary>Writes image <paramref name="index"/> to <paramref name="pixels"/>: H·W·C values, channels fastest.</summary>
    void ReadImage(int index, Span<float> pixels);
}
