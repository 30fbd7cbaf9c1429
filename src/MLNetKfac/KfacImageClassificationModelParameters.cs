using Kfac.Images;
using Kfac.Memory;
using Kfac.Models;
using Kfac.Networks;
using MLNetKfac.Columns;

namespace MLNetKfac;

/// <summary>A trained network as data: its layers, its weights and how it came about.</summary>
public sealed class KfacImageClassificationModelParameters
{
    internal KfacImageClassificationModelParameters(ImageClassifier classifier, LabelValues? labelValues)
    {
        Classifier = classifier;
        LabelValues = labelValues;
    }

    /// <summary>The classifier as the engine knows it, to be used without ML.NET or looked into.</summary>
    public ImageClassifier Classifier { get; }

    /// <summary>The network's layers and the shape of its images.</summary>
    public NetworkSpec Network => Classifier.Spec;

    /// <summary>Filters, weights and biases by name, first layer first.</summary>
    public IReadOnlyList<Parameter> Parameters => Classifier.Parameters;

    /// <summary>How pixels become the network's input.</summary>
    public InputScaling Scaling => Classifier.Scaling;

    /// <summary>One report for each epoch of the training.</summary>
    public IReadOnlyList<EpochReport> TrainingHistory => Classifier.History;

    /// <summary>What the last training went by, also where the options left it open; null in a model of a version that did not keep it.</summary>
    public TrainingRecipe? Recipe => Classifier.Recipe;

    /// <summary>Number of classes.</summary>
    public int ClassCount => Classifier.ClassCount;

    /// <summary>The label's values as text, in the order of the scores; null where the label was a key without values.</summary>
    public IReadOnlyList<string>? ClassNames => LabelValues?.Texts;

    internal LabelValues? LabelValues { get; }
}
