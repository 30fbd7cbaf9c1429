using System.Globalization;

namespace Kfac.Images;

/// <summary>A setting of <see cref="AugmentationOptions"/>: its names, its range, and where it is.</summary>
/// <param name="Option">Name of the property.</param>
/// <param name="Name">What a person calls it.</param>
/// <param name="Largest">End of its range, which begins with 0: no change.</param>
/// <param name="LargestIsIncluded">Whether the end belongs to it.</param>
/// <param name="Get">Its size.</param>
/// <param name="With">The options with another size.</param>
internal sealed record AugmentationChange(
    string Option, string Name, double Largest, bool LargestIsIncluded, Func<AugmentationOptions, double> Get, Func<AugmentationOptions, double, AugmentationOptions> With)
{
    /// <summary>Largest α: a share of a half, more or less.</summary>
    private const double MaxMixing = 10;

    /// <summary>Whether it is on or off.</summary>
    public bool IsSwitch { get; private init; }

    public static IReadOnlyList<AugmentationChange> All { get; } =
    [
        new(nameof(AugmentationOptions.ResizedCrop), "resized crop", 1, false, options => options.ResizedCrop, (options, size) => options with { ResizedCrop = size }),
        new(nameof(AugmentationOptions.Shift), "shift", 1, false, options => options.Shift, (options, size) => options with { Shift = size }),
        Switch(nameof(AugmentationOptions.ReflectBorder), "reflected border", options => options.ReflectBorder, (options, on) => options with { ReflectBorder = on }),
        Switch(nameof(AugmentationOptions.HorizontalFlip), "horizontal flip", options => options.HorizontalFlip, (options, on) => options with { HorizontalFlip = on }),
        Switch(nameof(AugmentationOptions.AlternatingFlip), "alternating flip", options => options.AlternatingFlip, (options, on) => options with { AlternatingFlip = on }),
        Switch(nameof(AugmentationOptions.VerticalFlip), "vertical flip", options => options.VerticalFlip, (options, on) => options with { VerticalFlip = on }),
        new(nameof(AugmentationOptions.Rotation), "rotation", 180, true, options => options.Rotation, (options, size) => options with { Rotation = size }),
        new(nameof(AugmentationOptions.Scale), "scale", 1, false, options => options.Scale, (options, size) => options with { Scale = size }),
        new(nameof(AugmentationOptions.Brightness), "brightness", 1, false, options => options.Brightness, (options, size) => options with { Brightness = size }),
        new(nameof(AugmentationOptions.Contrast), "contrast", 1, false, options => options.Contrast, (options, size) => options with { Contrast = size }),
        new(nameof(AugmentationOptions.Saturation), "saturation", 1, true, options => options.Saturation, (options, size) => options with { Saturation = size }),
        new(nameof(AugmentationOptions.Hue), "hue", 0.5, true, options => options.Hue, (options, size) => options with { Hue = size }),
        new(nameof(AugmentationOptions.Cutout), "cutout", 1, true, options => options.Cutout, (options, size) => options with { Cutout = size }),
        new(nameof(AugmentationOptions.Erasing), "erasing", 1, true, options => options.Erasing, (options, size) => options with { Erasing = size }),
        new(nameof(AugmentationOptions.Mixup), "mixup", MaxMixing, true, options => options.Mixup, (options, size) => options with { Mixup = size }),
        new(nameof(AugmentationOptions.CutMix), "cutmix", MaxMixing, true, options => options.CutMix, (options, size) => options with { CutMix = size }),
    ];

    /// <summary>Reads a name and, of what is no switch, a size.</summary>
    /// <exception cref="ArgumentException">There is no such change, or its size is no number.</exception>
    public static (AugmentationChange Change, double Size) Parse(string text)
    {
        AugmentationChange change = All.FirstOrDefault(change => text == change.Name || (!change.IsSwitch && text.StartsWith($"{change.Name} ", StringComparison.Ordinal)))
            ?? throw new ArgumentException($"augmentation must be of {string.Join(", ", All.Select(change => change.IsSwitch ? change.Name : $"{change.Name} SIZE"))}, but is {text}", nameof(text));
        return change.IsSwitch ? (change, 1)
            : double.TryParse(text.AsSpan(change.Name.Length), CultureInfo.InvariantCulture, out double size) ? (change, size)
            : throw new ArgumentException($"augmentation {change.Name} must have a size, as in {change.Name} 0.1, but is {text}", nameof(text));
    }

    private static AugmentationChange Switch(string option, string name, Func<AugmentationOptions, bool> get, Func<AugmentationOptions, bool, AugmentationOptions> with) =>
        new(option, name, 1, true, options => get(options) ? 1 : 0, (options, size) => with(options, size != 0)) { IsSwitch = true };
}
