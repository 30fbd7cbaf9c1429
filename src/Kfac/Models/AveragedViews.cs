namespace Kfac.Models;

/// <summary>Which views of an image a model averages the class scores of, besides the image itself (test-time augmentation).</summary>
/// <param name="Mirrored">The mirror image of each view, left to right.</param>
/// <param name="Shifted">The image moved up left and down right; the two together weigh as much as the image.</param>
internal readonly record struct AveragedViews(bool Mirrored, bool Shifted)
{
    /// <summary>Images move by this share of the shorter side, by one pixel at 32 x 32.</summary>
    private const float ShareOfSide = 1f / 32;

    /// <summary>The views of an image; their weights add up to 1.</summary>
    public IReadOnlyList<ImageView> Of(ImageShape shape)
    {
        int shift = Math.Max(1, (int)MathF.Round(ShareOfSide * Math.Min(shape.Height, shape.Width)));
        List<ImageView> views = Shifted ? [new(false, 0, 0.5f), new(false, -shift, 0.25f), new(false, shift, 0.25f)] : [new(false, 0, 1)];
        if (!Mirrored)
        {
            return views;
        }

        ImageView[] halves = [.. views.Select(view => view with { Weight = view.Weight / 2 })];
        return [.. halves, .. halves.Select(view => view with { IsMirrored = true })];
    }
}
