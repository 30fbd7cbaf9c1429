namespace Kfac.Training;

/// <summary>Labelled images that come one after the other, as often as one likes: there may be more of them than memory holds.</summary>
public interface IImageStream
{
    /// <summary>Shape of every image.</summary>
    ImageShape Shape { get; }

    /// <summary>Number of classes; labels are 0 … ClassCount-1.</summary>
    int ClassCount { get; }

    /// <summary>Starts with the first image: always the same images in the same order.</summary>
    IImageReader Open();
}

/// <summary>One pass over an <see cref="IImageStream"/>.</summary>
public interface IImageReader : IDisposable
{
    /// <summary>Takes the next image.</summary>
    /// <param name="pixels">H·W·C finite values, channels fastest; overwritten.</param>
    /// <param name="label">Its class.</param>
    /// <param name="weight">How much it counts in the loss, finite and 0 or more.</param>
    /// <returns>False where there are no more.</returns>
    bool Read(Span<float> pixels, out int label, out float weight);
}
