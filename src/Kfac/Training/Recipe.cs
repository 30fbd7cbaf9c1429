using Kfac.Images;
using Kfac.Networks;
using Kfac.Optimizers;

namespace Kfac.Training;

/// <summary>
/// What a training takes where its options leave it open. Photographs, which is what colour images of at least 24 x 24 are taken for
/// (<see cref="AugmentationOptions.For"/>), get a network and a course of their own, the longer the fewer they are. Networks without
/// convolutions, such as those for the features of a pre-trained network, get more epochs of few examples, and an L2 term.
/// </summary>
internal static class Recipe
{
    /// <summary>Epochs of images that are no photographs.</summary>
    private const int UsualEpochs = 10;

    /// <summary>Epochs of so many photographs and more, and most epochs.</summary>
    private const int FewestEpochs = 12, ManyPhotographs = 50_000, MostEpochs = 80;

    /// <summary>Examples of a network without convolutions from which on the usual epochs do, and most epochs.</summary>
    private const int ManyFeatures = 5_000, MostEpochsOfFeatures = 60;

    /// <summary>Largest L2 of a network without convolutions, and its product with the number of examples where they are many; docs/options.md has the figures.</summary>
    private const float MostL2 = 0.005f, L2TimesExamples = 10;

    /// <summary>Up to so many epochs, photographs are not seen often enough to be learned by heart: small shifts do, and more smoothing.</summary>
    private const int FewEpochs = 16;

    private const float SmoothingOfPhotographs = 0.1f, SmoothingInFewEpochs = 0.2f;

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
        NetworkSpec chosen = network ?? options.Network ?? (arePhotographs ? NetworkSpec.PhotographCnn(shape, classes) : NetworkSpec.SmallCnn(shape, classes));
        bool convolves = Convolves(chosen.Layers);
        int epochs = options.Epochs > 0 ? options.Epochs : arePhotographs ? EpochsFor(training.Count) : convolves ? UsualEpochs : EpochsOfFeatures(training.Count);
        bool areFew = epochs <= FewEpochs;
        AugmentationOptions augmentation = options.Augmentation ?? (arePhotographs && areFew ? AugmentationOptions.PhotographsInFewEpochs : AugmentationOptions.For(shape));
        return options with
        {
            Network = chosen,
            Optimizer = options.Optimizer is KfacOptions { L2: null } kfac && !convolves ? kfac with { L2 = Math.Min(MostL2, L2TimesExamples / training.Count) } : options.Optimizer,
            Epochs = epochs,
            Augmentation = augmentation,
            LabelSmoothing = options.LabelSmoothing ?? (!arePhotographs ? 0 : areFew ? SmoothingInFewEpochs : SmoothingOfPhotographs),
            AverageMirrored = options.AverageMirrored ?? augmentation.HorizontalFlip,
            CalibrationFraction = options.CalibrationFraction ?? (arePhotographs && !hasValidation && training.Count >= LeastToDivide ? Math.Min(ShareApart, (double)MostApart / training.Count) : 0),
        };
    }

    /// <summary>What a person wants to know of it, in a line.</summary>
    public static string Describe(TrainingOptions options) =>
        FormattableString.Invariant($"recipe: {options.Epochs} epochs, augmentation {options.Augmentation}, label smoothing {options.LabelSmoothing}{(options.Optimizer.L2 > 0 ? FormattableString.Invariant($", L2 {options.Optimizer.L2}") : "")}");

    private static bool Convolves(IEnumerable<LayerSpec> layers) =>
        layers.Any(layer => layer is Conv2DSpec || (layer is ResidualSpec residual && Convolves(residual.Body.Concat(residual.Shortcut))));

    private static int EpochsOfFeatures(int examples) =>
        (int)Math.Clamp(Math.Round(UsualEpochs * Math.Sqrt((double)ManyFeatures / examples)), UsualEpochs, MostEpochsOfFeatures);

    /// <summary>As the root of the number: half as many photographs are seen 0.7 times as often in all.</summary>
    private static int EpochsFor(int photographs) =>
        (int)Math.Clamp(Math.Round(FewestEpochs * Math.Sqrt((double)ManyPhotographs / photographs)), FewestEpochs, MostEpochs);
}
