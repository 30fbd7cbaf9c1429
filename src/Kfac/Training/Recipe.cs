using Kfac.Images;
using Kfac.Models;
using Kfac.Networks;
using Kfac.Optimizers;

namespace Kfac.Training;

/// <summary>
/// What a training takes where its options leave it open. Photographs, which is what colour images of at least 24 x 24 are taken for
/// (<see cref="AugmentationOptions.For"/>), get a network and a course of their own, the longer the fewer they are. Networks without
/// convolutions, such as those for the features of a pre-trained network, get more epochs of few examples, and an L2 term; those with
/// convolutions a weight decay for the length of the training.
/// </summary>
internal static class Recipe
{
    /// <summary>Epochs for images other than photographs.</summary>
    private const int UsualEpochs = 10;

    /// <summary>Epochs for photographs: the minimum, the number of photographs from which it applies, and the maximum.</summary>
    private const int MinPhotographEpochs = 12, PhotographsForMinEpochs = 50_000, MaxPhotographEpochs = 80;

    /// <summary>Networks without convolutions: the number of examples from which the usual epochs apply, and the maximum.</summary>
    private const int ExamplesForUsualEpochs = 5_000, MaxFeatureEpochs = 60;

    /// <summary>Networks without convolutions: L2 is the second number over the examples, and at most the first (figures: docs/options.md).</summary>
    private const float MaxL2 = 0.005f, L2TimesExamples = 10;

    /// <summary>K-FAC's weight decay for convolutions without normalisations: the first number times √epochs, and at most the second (figures: docs/convergence.md).</summary>
    private const float DecayOfOneEpoch = 0.25f, MaxDecay = 2;

    /// <summary>The same with normalisations: the first number over √steps, and at most the second (figures: docs/photographs.md).</summary>
    private const float NormalizedDecayOfOneStep = 17, MaxNormalizedDecay = 1;

    /// <summary>Up to this many epochs, small shifts and more smoothing are better (figures: docs/photographs.md).</summary>
    private const int FewEpochs = 24;

    private const float SmoothingOfPhotographs = 0.1f, SmoothingInFewEpochs = 0.2f;

    /// <summary>Fewer photographs are not split; more than the second number are never set apart.</summary>
    private const int MinImagesToSplit = 500, MaxCalibrationImages = 1_000;

    /// <summary>Share of the photographs that is set apart for calibration (figures: docs/photographs.md).</summary>
    private const double CalibrationShare = 0.1;

    /// <summary>The options with nothing left open.</summary>
    /// <param name="options">What was asked for.</param>
    /// <param name="training">The images, before any are set apart.</param>
    /// <param name="hasValidation">Whether there are validation images, which can calibrate, too.</param>
    /// <param name="network">The network of a previous model, if there is one.</param>
    public static TrainingOptions Complete(TrainingOptions options, ImageSet training, bool hasValidation, NetworkSpec? network)
    {
        ImageShape shape = training.Shape;
        bool arePhotographs = ArePhotographs(shape);
        int classes = training.ClassCounts.Count;
        NetworkSpec chosen = network ?? options.Network ?? (arePhotographs ? NetworkSpec.PhotographCnn(shape, classes) : NetworkSpec.SmallCnn(shape, classes));
        LayerSpec[] layers = [.. LayerSequence.Flatten(chosen.Layers)];
        bool convolves = layers.Any(layer => layer is Conv2DSpec), normalizes = layers.Any(layer => layer is BatchNormSpec or GroupNormSpec);
        int epochs = options.Epochs > 0 ? options.Epochs : arePhotographs ? EpochsOfPhotographs(training.Count, options.Thorough) : convolves ? UsualEpochs : EpochsOfFeatures(training.Count);
        float steps = (float)epochs * training.Count / Math.Max(1, (options with { Epochs = epochs }).BatchSizeFor(training.Count));
        bool areFew = epochs <= FewEpochs;
        AugmentationOptions augmentation = options.Augmentation ?? (arePhotographs && areFew ? AugmentationOptions.PhotographsInFewEpochs : AugmentationOptions.For(shape));
        return options with
        {
            Network = chosen,
            Optimizer = options.Optimizer switch
            {
                KfacOptions kfac when convolves => kfac with { CourseWeightDecay = normalizes ? Math.Min(MaxNormalizedDecay, NormalizedDecayOfOneStep / MathF.Sqrt(steps)) : Math.Min(MaxDecay, DecayOfOneEpoch * MathF.Sqrt(epochs)) },
                KfacOptions { L2: null } kfac => kfac with { L2 = Math.Min(MaxL2, L2TimesExamples / training.Count) },
                _ => options.Optimizer,
            },
            Epochs = epochs,
            Augmentation = augmentation,
            LabelSmoothing = options.LabelSmoothing ?? (!arePhotographs ? 0 : areFew ? SmoothingInFewEpochs : SmoothingOfPhotographs),
            AverageMirrored = options.AverageMirrored ?? augmentation.HorizontalFlip,
            AverageShifted = options.AverageShifted || (options.Thorough && arePhotographs),
            CalibrationFraction = options.CalibrationFraction ?? (hasValidation ? 0 : CalibrationFractionOf(shape, training.Count)),
        };
    }

    /// <summary>Share of the training images that is set apart for calibration where nothing is said and there are no validation images.</summary>
    public static double CalibrationFractionOf(ImageShape shape, int count) =>
        ArePhotographs(shape) && count >= MinImagesToSplit ? Math.Min(CalibrationShare, (double)MaxCalibrationImages / count) : 0;

    /// <summary>What the model is to remember of <paramref name="options"/>, which are complete.</summary>
    public static TrainingRecipe Of(TrainingOptions options, int batchSize) =>
        new(options.Epochs, batchSize, options.Augmentation!.ToString(), options.LabelSmoothing!.Value, options.Optimizer.L2 ?? 0, options.Optimizer.Decay);

    private static bool ArePhotographs(ImageShape shape) => AugmentationOptions.For(shape) == AugmentationOptions.Photographs;

    private static int EpochsOfFeatures(int examples) => EpochsFor(examples, UsualEpochs, ExamplesForUsualEpochs, MaxFeatureEpochs);

    private static int EpochsOfPhotographs(int photographs, bool thorough)
    {
        int epochs = EpochsFor(photographs, MinPhotographEpochs, PhotographsForMinEpochs, MaxPhotographEpochs);
        return thorough ? 2 * epochs : epochs;
    }

    /// <summary>Proportional to 1/√examples, so that the number of steps grows as its root; the minimum from some number of examples on.</summary>
    private static int EpochsFor(int examples, int min, int examplesForMin, int max) =>
        (int)Math.Clamp(Math.Round(min * Math.Sqrt((double)examplesForMin / examples)), min, max);
}
