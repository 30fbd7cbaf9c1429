using System.Globalization;
using Kfac.Training;

namespace Kfac.Images;

/// <summary>
/// Random changes of the training images, drawn anew in each epoch and the same for the same seed, epoch and image. What comes
/// into the picture from outside repeats its border.
/// </summary>
public sealed record AugmentationOptions
{
    /// <summary>Rows and columns from which a colour picture counts as a photograph.</summary>
    private const int SmallestPhotograph = 24;

    /// <summary>No change.</summary>
    public static AugmentationOptions None { get; } = new();

    /// <summary>What suits photographs: shifted by up to an eighth, and mirrored left to right.</summary>
    public static AugmentationOptions Photographs { get; } = new() { Shift = 0.125, HorizontalFlip = true };

    /// <summary>
    /// The default for images of a shape: <see cref="Photographs"/> in colour (3 or 4 channels) of at least 24 x 24, else
    /// <see cref="None"/>. Grey images are often digits and letters, which a mirror turns into others.
    /// </summary>
    /// <param name="shape">Shape of an image.</param>
    public static AugmentationOptions For(ImageShape shape) =>
        shape.Channels is 3 or 4 && Math.Min(shape.Height, shape.Width) >= SmallestPhotograph ? Photographs : None;

    /// <summary>Largest shift in each direction, as a share of the height and of the width, in [0, 1); by whole pixels.</summary>
    public double Shift { get; init; }

    /// <summary>Whether every other image, at random, is mirrored left to right.</summary>
    public bool HorizontalFlip { get; init; }

    /// <summary>Largest rotation either way, in degrees, in [0, 180]; bilinear.</summary>
    public double Rotation { get; init; }

    /// <summary>Largest enlargement s, in [0, 1): the factor is drawn from 1 - s … 1 + s; bilinear.</summary>
    public double Scale { get; init; }

    /// <summary>Side of a square that is overwritten with the training images' mean, as a share of the shorter side, in [0, 1]; its middle may be anywhere in the image (DeVries and Taylor 2017).</summary>
    public double Cutout { get; init; }

    /// <summary>Largest change of brightness b, in [0, 1): every value is multiplied by one factor from 1 - b … 1 + b.</summary>
    public double Brightness { get; init; }

    /// <summary>The changes, in a line.</summary>
    public override string ToString()
    {
        string[] changes =
        [
            .. Text(Shift, "shift"), .. HorizontalFlip ? ["horizontal flip"] : Array.Empty<string>(), .. Text(Rotation, "rotation"),
            .. Text(Scale, "scale"), .. Text(Cutout, "cutout"), .. Text(Brightness, "brightness"),
        ];
        return changes.Length == 0 ? "none" : string.Join(", ", changes);

        static string[] Text(double size, string what) => size == 0 ? [] : [string.Create(CultureInfo.InvariantCulture, $"{what} {size}")];
    }

    /// <exception cref="ArgumentException">A setting is out of its range; the message names it.</exception>
    internal void Validate()
    {
        Require(Shift is >= 0 and < 1, nameof(Shift), Shift, "in [0, 1)");
        Require(Rotation is >= 0 and <= 180, nameof(Rotation), Rotation, "in [0, 180]");
        Require(Scale is >= 0 and < 1, nameof(Scale), Scale, "in [0, 1)");
        Require(Cutout is >= 0 and <= 1, nameof(Cutout), Cutout, "in [0, 1]");
        Require(Brightness is >= 0 and < 1, nameof(Brightness), Brightness, "in [0, 1)");
    }

    private static void Require(bool holds, string option, double value, string expected)
    {
        if (!holds)
        {
            throw new ArgumentException($"Augmentation.{option} must be {expected}, but is {value}", nameof(TrainingOptions.Augmentation));
        }
    }
}
