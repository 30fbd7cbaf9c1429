using System.Numerics.Tensors;
using MathNet.Numerics.Distributions;

namespace Kfac.Images;

/// <summary>How much of an image is its own: the rest is another's.</summary>
/// <param name="Share">Its own share, at least a half.</param>
/// <param name="Cut">The rectangle that comes from the other one; null where the two are averaged.</param>
internal readonly record struct Mixture(float Share, Rectangle? Cut);

/// <summary>Mixes two images of a batch with each other, by mixup or CutMix. Each remains the larger part of its own.</summary>
internal sealed class ImageMixing(AugmentationOptions options, ImageShape shape, int seed)
{
    private readonly float[] _first = new float[shape.Size];

    /// <summary>How a pair of images is mixed.</summary>
    /// <param name="epoch">0 for the first.</param>
    /// <param name="position">How many of the epoch's images come before the pair.</param>
    public Mixture Draw(int epoch, int position)
    {
        var random = new SplitMix64(seed, RandomStream.ImageMixing, epoch, position);
        bool cuts = random.NextDouble() * ((options.Mixup > 0 ? 1 : 0) + (options.CutMix > 0 ? 1 : 0)) >= (options.Mixup > 0 ? 1 : 0);
        double alpha = cuts ? options.CutMix : options.Mixup, drawn = Beta.InvCDF(alpha, alpha, random.NextDouble()), share = Math.Max(drawn, 1 - drawn);
        double row = random.NextDouble(), column = random.NextDouble();
        if (!cuts)
        {
            return new Mixture((float)share, null);
        }

        double height = Math.Sqrt(1 - share) * shape.Height, width = Math.Sqrt(1 - share) * shape.Width;
        var cut = new Rectangle(row * shape.Height - height / 2, column * shape.Width - width / 2, height, width);
        (int top, int bottom, int left, int right) = cut.PixelsWithin(shape);
        return new Mixture(1 - (float)(bottom - top) * (right - left) / (shape.Height * shape.Width), cut);
    }

    /// <summary>Mixes two images [H, W, C] in place.</summary>
    public void Apply(in Mixture mixture, Span<float> one, Span<float> other)
    {
        if (mixture.Cut is { } cut)
        {
            Exchange(cut, one, other);
            return;
        }

        one.CopyTo(_first);
        Average(one, other, mixture.Share);
        Average(other, _first, mixture.Share);
    }

    /// <summary>image = share · image + (1 - share) · other.</summary>
    private static void Average(Span<float> image, ReadOnlySpan<float> other, float share)
    {
        TensorPrimitives.Multiply(image, share, image);
        TensorPrimitives.MultiplyAdd(other, 1 - share, image, image);
    }

    private void Exchange(Rectangle cut, Span<float> one, Span<float> other)
    {
        (int top, int bottom, int left, int right) = cut.PixelsWithin(shape);
        int length = (right - left) * shape.Channels;
        for (int y = top; y < bottom; y++)
        {
            int start = (y * shape.Width + left) * shape.Channels;
            Span<float> row = one.Slice(start, length), otherRow = other.Slice(start, length);
            row.CopyTo(_first);
            otherRow.CopyTo(row);
            _first.AsSpan(0, length).CopyTo(otherRow);
        }
    }
}
