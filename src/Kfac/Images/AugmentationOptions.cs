using System.Globalization;
using Kfac.Training;

namespace Kfac.Images;

/// <summary>
/// Random changes of the training images, drawn anew in each epoch and the same for the same seed, epoch and image. Images are
/// first moved (<see cref="ResizedCrop"/>, <see cref="Shift"/>, flips, <see cref="Rotation"/>, <see cref="Scale"/>), then
/// coloured, then covered in part, and in the end mixed with each other. Values are not clamped.
/// </summary>
public sealed record AugmentationOptions
{
    /// <summary>Rows and columns from which a colour picture counts as a photograph.</summary>
    private const int SmallestPhotograph = 24;

    /// <summary>No change.</summary>
    public static AugmentationOptions None { get; } = new();

    /// <summary>What suits photographs: shifted by up to an eighth, and mirrored left to right in every other epoch.</summary>
    public static AugmentationOptions Photographs { get; } = new() { Shift = 0.125, HorizontalFlip = true, AlternatingFlip = true };

    /// <summary>The same for few epochs: shifted by up to a sixteenth, with reflected borders.</summary>
    internal static AugmentationOptions PhotographsInFewEpochs { get; } = Photographs with { Shift = 0.0625, ReflectBorder = true };

    /// <summary>
    /// The default for images of a shape: <see cref="Photographs"/> in colour (3 or 4 channels) of at least 24 x 24, else
    /// <see cref="None"/>. Grey images are often digits and letters, which a mirror turns into others. A training of up to 24
    /// epochs takes half the shift, with reflected borders.
    /// </summary>
    /// <param name="shape">Shape of an image.</param>
    public static AugmentationOptions For(ImageShape shape) =>
        shape.Channels is 3 or 4 && Math.Min(shape.Height, shape.Width) >= SmallestPhotograph ? Photographs : None;

    /// <summary>Largest shift in each direction, as a share of the height and of the width, in [0, 1); by whole pixels.</summary>
    public double Shift { get; init; }

    /// <summary>Whether every other image, at random, is mirrored left to right.</summary>
    public bool HorizontalFlip { get; init; }

    /// <summary>
    /// Whether an image that is mirrored in one epoch is not in the next, and the other way round, instead of at random: two
    /// epochs see both (Jordan 2024, arXiv 2404.00498). Goes with <see cref="HorizontalFlip"/>.
    /// </summary>
    public bool AlternatingFlip { get; init; }

    /// <summary>Whether every other image, at random, is turned upside down: for pictures from above, such as of satellites and microscopes.</summary>
    public bool VerticalFlip { get; init; }

    /// <summary>Whether what comes into the picture from outside is its mirror image at the border. Otherwise the border is repeated.</summary>
    public bool ReflectBorder { get; init; }

    /// <summary>Largest rotation either way, in degrees, in [0, 180]; bilinear.</summary>
    public double Rotation { get; init; }

    /// <summary>Largest enlargement s, in [0, 1): the factor is drawn from 1 - s … 1 + s; bilinear.</summary>
    public double Scale { get; init; }

    /// <summary>
    /// Largest share of the area that a random crop leaves out, in [0, 1): a rectangle anywhere in the image, with sides in a
    /// proportion of 3:4 to 4:3 as compared to the image's, is brought to its size; bilinear (Szegedy et al. 2015; usual for
    /// large sets is 0.92).
    /// </summary>
    public double ResizedCrop { get; init; }

    /// <summary>Largest change of brightness b, in [0, 1): every value is multiplied by one factor from 1 - b … 1 + b.</summary>
    public double Brightness { get; init; }

    /// <summary>Largest change of contrast c, in [0, 1): the distance of every value from the image's mean is multiplied by one factor from 1 - c … 1 + c.</summary>
    public double Contrast { get; init; }

    /// <summary>Largest change of saturation s, in [0, 1]: the distance of every value from its pixel's mean is multiplied by one factor from 1 - s … 1 + s. Colour images only.</summary>
    public double Saturation { get; init; }

    /// <summary>Largest change of hue either way, as a share of the colour circle, in [0, 0.5]: colours are turned about the axis of greys. Colour images only.</summary>
    public double Hue { get; init; }

    /// <summary>Side of a square that is overwritten with the training images' mean, as a share of the shorter side, in [0, 1]; its middle may be anywhere in the image (DeVries and Taylor 2017).</summary>
    public double Cutout { get; init; }

    /// <summary>Share of the images, in [0, 1], in which a rectangle of 2 to 33 % of the area is overwritten with the training images' mean (random erasing, Zhong et al. 2020).</summary>
    public double Erasing { get; init; }

    /// <summary>
    /// α of mixup, in [0, 10]: images become share · one + (1 - share) · another, and so do their classes, with the share drawn from
    /// Beta(α, α) (Zhang et al. 2018; usual is 0.2). 0 for none. With <see cref="CutMix"/>, each pair of images has one of the two.
    /// </summary>
    public double Mixup { get; init; }

    /// <summary>
    /// α of CutMix, in [0, 10]: a rectangle of an image comes from another, and their classes have the shares of the area, drawn
    /// from Beta(α, α) (Yun et al. 2019; usual is 1). 0 for none.
    /// </summary>
    public double CutMix { get; init; }

    /// <summary>Whether images are mixed with each other.</summary>
    internal bool Mixes => Mixup > 0 || CutMix > 0;

    /// <summary>Reads what <see cref="ToString"/> writes, such as "shift 0.125, horizontal flip".</summary>
    /// <param name="text">The changes with their sizes, with commas between; "none" for none.</param>
    /// <exception cref="ArgumentException">A change is unknown or given twice, or its size out of range; the message names it.</exception>
    public static AugmentationOptions Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        AugmentationOptions options = None;
        foreach (string change in text.Trim() == "none" ? [] : text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            (AugmentationChange kind, double size) = AugmentationChange.Parse(change);
            options = kind.Get(options) == 0 ? kind.With(options, size) : throw new ArgumentException($"'{kind.Name}' is given twice", nameof(text));
        }

        options.Validate();
        return options;
    }

    /// <summary>The changes, in a line.</summary>
    public override string ToString()
    {
        string[] changes = [.. AugmentationChange.All.Where(change => change.Get(this) != 0).Select(change => change.IsSwitch ? change.Name : string.Create(CultureInfo.InvariantCulture, $"{change.Name} {change.Get(this)}"))];
        return changes.Length == 0 ? "none" : string.Join(", ", changes);
    }

    /// <exception cref="ArgumentException">A setting is out of its range; the message names it.</exception>
    internal void Validate()
    {
        foreach (AugmentationChange change in AugmentationChange.All)
        {
            double size = change.Get(this);
            if (!(size >= 0 && (size < change.Largest || (change.LargestIsIncluded && size == change.Largest))))
            {
                throw new ArgumentException(
                    string.Create(CultureInfo.InvariantCulture, $"Augmentation.{change.Option} must be in [0, {change.Largest}{(change.LargestIsIncluded ? ']' : ')')}, but is {size}"), nameof(TrainingOptions.Augmentation));
            }
        }

        if (AlternatingFlip && !HorizontalFlip)
        {
            throw new ArgumentException($"Augmentation.{nameof(AlternatingFlip)} goes with {nameof(HorizontalFlip)}, which is off", nameof(TrainingOptions.Augmentation));
        }
    }
}
