using Kfac.Images;
using Kfac.Networks;

namespace Kfac.Training;

/// <summary>
/// What a training takes where its options leave it open. Photographs, which is what colour images of at least 24 x 24 are taken for
/// (<see cref="AugmentationOptions.For"/>), get a network and a course of their own, the longer the fewer they are.
/// </summary>
internal static class Recipe
{
    /// <summary>Epochs of images that are no photographs.</summary>
    private const int UsualEpochs = 10;

    /// <summary>Epochs of so many photographs and more, and most epochs.</summary>
    private const int FewestEpochs = 12, ManyPhotographs = 50_000, MostEpochs = 80;

    private const float SmoothingOfPhotographs = 0.1f;

    /// <summary>Fewer photographs are all needed to train on; more than so many set apart tell nothing new.</summary>
    private const int LeastToDivide = 500, MostApart = 2_000;

    /// <summary>Share of the photographs that is set apart to calibrate the probabilities.</summary>
    private const double ShareApart = 0.05;

    /// <summary>The options with nothing left open.</summary>
    /// <param name="options">What was asked for.</param>
    /// <param name="training">The images, before any are set apart.</param>
    /// <param name="hasValidation">Whether there are validation images, which can calibrate, too.</param>
    /// <param name="network">The network of a previous model, if there is one.</param>
    public static TrainingOptions Complete(TrainingOptions options, ImageSet training, bool hasValidation, NetworkSpec? network)
    {
        ImageShape shape = training.Shape;
        bool arePhotographs = AugmentationOptions.For(shape) == AugmentationOptions.Photographs;
        int classes = training.ClassCounts.Count;
        return options with
        {
            Network = network ?? options.Network ?? (arePhotographs ? NetworkSpec.PhotographCnn(shape, classes) : NetworkSpec.SmallCnn(shape, classes)),
            Epochs = options.Epochs > 0 ? options.Epochs : arePhotographs ? EpochsFor(training.Count) : UsualEpochs,
            Augmentation = options.Augmentation ?? AugmentationOptions.For(shape),
            LabelSmoothing = options.LabelSmoothing ?? (arePhotographs ? SmoothingOfPhotographs : 0),
            AverageMirrored = options.AverageMirrored ?? (options.Augmentation ?? AugmentationOptions.For(shape)).HorizontalFlip,
            CalibrationFraction = options.CalibrationFraction ?? (arePhotographs && !hasValidation && training.Count >= LeastToDivide ? Math.Min(ShareApart, (double)MostApart / training.Count) : 0),
        };
    }

    /// <summary>What a person wants to know of it, in a line.</summary>
    public static string Describe(TrainingOptions options) =>
        FormattableString.Invariant($"recipe: {options.Epochs} epochs, augmentation {options.Augmentation}, label smoothing {options.LabelSmoothing}");

    /// <summary>As the root of the number: half as many photographs are seen 0.7 times as often in all.</summary>
    private static int EpochsFor(int photographs) =>
        (int)Math.Clamp(Math.Round(FewestEpochs * Math.Sqrt((double)ManyPhotographs / photographs)), FewestEpochs, MostEpochs);
}
