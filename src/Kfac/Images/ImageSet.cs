using System.Globalization;
using Kfac.Networks;

namespace Kfac.Images;

/// <summary>Images to train or validate on, of which the numbers are known, wherever they are: in memory, or in a stream that does not fit into it.</summary>
public abstract class ImageSet
{
    private protected ImageSet(ImageShape shape, int[] classCounts, double[] classWeights)
    {
        Shape = shape;
        ClassCounts = classCounts;
        ClassWeights = classWeights;
        Count = checked(classCounts.Sum());
    }

    /// <summary>Shape of every image.</summary>
    public ImageShape Shape { get; }

    /// <summary>Number of images of each class.</summary>
    public IReadOnlyList<int> ClassCounts { get; }

    /// <summary>Number of images.</summary>
    public int Count { get; }

    /// <summary>Whether they can be read in any order. Otherwise they are read in passes and shuffled in a buffer.</summary>
    public abstract bool IsInMemory { get; }

    /// <summary>Sum of the weights of each class's images [classes].</summary>
    internal double[] ClassWeights { get; }

    /// <summary>The images of a source.</summary>
    public static ImageSet Of(IImageSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        return new SourceImageSet(source);
    }

    /// <summary>
    /// Reads a stream into memory, or, when it takes more than <paramref name="memoryBudget"/>, once through to the end, so
    /// that a training can go on reading it in passes.
    /// </summary>
    /// <param name="stream">The images.</param>
    /// <param name="memoryBudget">Bytes that the images may take, positive. A set that does not fit uses half of them to shuffle.</param>
    /// <exception cref="ArgumentException">The stream gives a value, label or weight that it must not give.</exception>
    public static ImageSet Load(IImageStream stream, long memoryBudget)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentOutOfRangeException.ThrowIfLessThan(memoryBudget, 1);
        using IImageReader reader = stream.Open();
        var images = new MemoryImageSource(stream.Shape, stream.ClassCount);
        var pixels = new float[stream.Shape.Size];
        while (reader.Read(pixels, isWanted: true, out int label, out float weight))
        {
            images.Add(pixels, label, weight);
            if (images.Bytes > memoryBudget)
            {
                return StreamImageSet.Measure(stream, reader, images, memoryBudget / 2);
            }
        }

        return new SourceImageSet(images);
    }

    /// <summary>
    /// Sets a share of each class's images apart, in the same way for the same seed: of a class of two or more at least one, and
    /// never all.
    /// </summary>
    /// <param name="fraction">Share of the images to set apart, in (0, 1).</param>
    /// <param name="seed">Seed of the choice.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="fraction"/> is not in (0, 1).</exception>
    public abstract (ImageSet Training, ImageSet Validation) Split(double fraction, int seed);

    /// <exception cref="ArgumentException">There are no images, or <paramref name="spec"/> takes others.</exception>
    internal void RequireFit(NetworkSpec spec, string name)
    {
        if (Count == 0)
        {
            throw new ArgumentException("there are no images", name);
        }

        spec.RequireClassifier(name);
        if (spec.Input != Shape || spec.Output != ImageShape.Flat(ClassCounts.Count))
        {
            throw new ArgumentException($"the network takes images of {spec.Input} and gives {spec.Output} outputs, but the images are {Shape} in {ClassCounts.Count} classes", name);
        }
    }

    /// <summary>A sentence that is another for other images: shape, numbers, where they are, and a fingerprint of a pass over them.</summary>
    internal abstract string Describe();

    private protected string Describe(string where, ImageFingerprint fingerprint) =>
        string.Create(CultureInfo.InvariantCulture, $"{Count} images of {Shape} in {ClassCounts.Count} classes, {where}, with fingerprint {fingerprint}");

    /// <summary>How the images are brought to mean 0 and standard deviation 1.</summary>
    internal abstract InputScaling MeasureScaling();

    /// <summary>The images in epochs, shuffled unless <paramref name="seed"/> is null.</summary>
    internal abstract ImageSequence Open(int? seed);
}

/// <summary>Images that can be read in any order.</summary>
internal sealed class SourceImageSet(IImageSource source) : ImageSet(source.Shape, CountClasses(source), WeighClasses(source))
{
    /// <summary>More images than these tell nothing new about the mean of a channel.</summary>
    private const int MaxImagesMeasured = 10_000;

    public override bool IsInMemory => true;

    public override (ImageSet Training, ImageSet Validation) Split(double fraction, int seed)
    {
        (ImageSourceSplit training, ImageSourceSplit validation) = ImageSourceSplit.Stratified(source, fraction, seed);
        return (new SourceImageSet(training), new SourceImageSet(validation));
    }

    internal override InputScaling MeasureScaling()
    {
        var moments = new ChannelMoments(Shape);
        var pixels = new float[Shape.Size];
        for (int n = 0; n < Count; n += Math.Max(1, Count / MaxImagesMeasured))
        {
            source.ReadImage(n, pixels);
            moments.Add(pixels);
        }

        return moments.ToScaling();
    }

    internal override string Describe()
    {
        ImageFingerprint fingerprint = default;
        var pixels = new float[Shape.Size];
        for (int n = 0; n < Count; n++)
        {
            source.ReadImage(n, pixels);
            fingerprint.Add(pixels, source.GetLabel(n), source.GetWeight(n));
        }

        return Describe("in memory", fingerprint);
    }

    internal override ImageSequence Open(int? seed) => new SourceSequence(source, seed);

    private static int[] CountClasses(IImageSource source)
    {
        var counts = new int[source.ClassCount];
        for (int n = 0; n < source.Count; n++)
        {
            counts[source.GetLabel(n)]++;
        }

        return counts;
    }

    private static double[] WeighClasses(IImageSource source)
    {
        var weights = new double[source.ClassCount];
        for (int n = 0; n < source.Count; n++)
        {
            weights[source.GetLabel(n)] += source.GetWeight(n);
        }

        return weights;
    }
}
