namespace Kfac.Images;

/// <summary>One pass over an <see cref="IImageStream"/>.</summary>
public interface IImageReader : IDisposable
{
    /// <summary>Takes the next image, or passes it over.</summary>
    /// <param name="pixels">H·W·C finite values, channels fastest.</param>
    /// <param name="isWanted">Whether the pixels are; otherwise <paramref name="pixels"/> may stay as they are, and what reads them may be spared.</param>
    /// <param name="label">Its class.</param>
    /// <param name="weight">How much it counts in the loss, finite and 0 or more.</param>
    /// <returns>False where there are no more.</returns>
    bool Read(Span<float> pixels, bool isWanted, out int label, out float weight);
}
