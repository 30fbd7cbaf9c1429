using MLNetKfac;
using MLNetKfac.ModelIO;

namespace Microsoft.ML;

/// <summary>Puts <see cref="KfacImageClassificationTrainer"/> among <c>mlContext.MulticlassClassification.Trainers</c>.</summary>
public static class KfacImageClassificationCatalog
{
    /// <summary>A trainer of small convolutional networks on the images of a column, with default settings.</summary>
    /// <param name="catalog">The trainers.</param>
    /// <param name="labelColumnName">Column of the labels, a key; see <see cref="KfacImageClassificationTrainer.Options.LabelColumnName"/>.</param>
    /// <param name="featureColumnName">Column of the pixels, a vector or images; see <see cref="KfacImageClassificationTrainer.Options.FeatureColumnName"/>.</param>
    /// <param name="scoreColumnName">Column to write the classes' probabilities to.</param>
    /// <param name="predictedLabelColumnName">Column to write the most probable class to.</param>
    /// <param name="validationSet">Rows to validate on after each epoch; null for none.</param>
    /// <exception cref="ArgumentException">A name is empty.</exception>
    public static KfacImageClassificationTrainer KfacImageClassification(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog,
        string labelColumnName = "Label",
        string featureColumnName = "Features",
        string scoreColumnName = "Score",
        string predictedLabelColumnName = "PredictedLabel",
        IDataView? validationSet = null) =>
        catalog.KfacImageClassification(new KfacImageClassificationTrainer.Options
        {
            LabelColumnName = labelColumnName,
            FeatureColumnName = featureColumnName,
            ScoreColumnName = scoreColumnName,
            PredictedLabelColumnName = predictedLabelColumnName,
            ValidationSet = validationSet,
        });

    /// <summary>A trainer of small convolutional networks on the images of a column.</summary>
    /// <param name="catalog">The trainers.</param>
    /// <param name="options">Columns, network, optimizer and course of the training.</param>
    /// <exception cref="ArgumentException">An option is out of its range; the message names it.</exception>
    public static KfacImageClassificationTrainer KfacImageClassification(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog,
        KfacImageClassificationTrainer.Options options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return new KfacImageClassificationTrainer(MLNetInternals.EnvironmentOf(catalog), options);
    }
}
