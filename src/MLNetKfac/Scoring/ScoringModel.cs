using Kfac.Models;
using MLNetKfac.Columns;

namespace MLNetKfac.Scoring;

/// <summary>A trained classifier with the columns it reads and writes: all that scoring needs and a model file holds.</summary>
/// <param name="Classifier">The network.</param>
/// <param name="LabelValues">The values behind the classes; null where the label was a key without values.</param>
/// <param name="FeatureColumnName">Column of the pixels.</param>
/// <param name="Format">How images lie in it.</param>
/// <param name="Outputs">The columns it adds.</param>
internal sealed record ScoringModel(ImageClassifier Classifier, LabelValues? LabelValues, string FeatureColumnName, PixelFormat Format, OutputColumns Outputs)
{
    /// <summary>Whether a file of it holds what its optimizer remembered.</summary>
    public bool SavesOptimizerState { get; init; }
}
