namespace Kfac.Images;

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
