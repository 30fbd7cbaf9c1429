using Kfac.Images;

namespace Kfac.Training;

/// <summary>The images of a training.</summary>
/// <param name="Training">What is trained on.</param>
/// <param name="Validation">What is reported on after each epoch, if anything.</param>
/// <param name="Calibration">What the probabilities are calibrated by, if anything.</param>
internal sealed record TrainingData(ImageSet Training, ImageSet? Validation, ImageSet? Calibration);
