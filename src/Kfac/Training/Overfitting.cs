using Kfac.Models;

namespace Kfac.Training;

/// <summary>Tells from a training's reports that its network overfits.</summary>
internal static class Overfitting
{
    /// <summary>By what factor a validation loss rises before it is worth a warning.</summary>
    private const double WorthWarning = 1.2;

    /// <summary>A sentence that says since when, and what helps, where the validation loss has risen while the training images are known better; else null.</summary>
    /// <param name="history">The training's reports, first to last.</param>
    public static string? Find(IEnumerable<EpochReport> history)
    {
        EpochReport[] epochs = [.. history.Where(epoch => epoch.ValidationLoss is not null)];
        return epochs.MinBy(epoch => epoch.ValidationLoss) is { } best && epochs[^1] is var last
            && last.ValidationLoss > WorthWarning * best.ValidationLoss && last.TrainingAccuracy > last.ValidationAccuracy
            ? FormattableString.Invariant($"the network overfits: since epoch {best.Epoch} the validation loss has risen from {best.ValidationLoss:F3} to {last.ValidationLoss:F3}. More images, augmentation, label smoothing or early stopping help")
            : null;
    }
}
