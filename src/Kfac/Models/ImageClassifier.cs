using Kfac.Images;
using Kfac.Memory;
using Kfac.Networks;
using Kfac.Running;

namespace Kfac.Models;

/// <summary>A trained network: its description, its parameters, the scaling of its input and how it was trained. Immutable.</summary>
public sealed class ImageClassifier
{
    /// <summary>Enough to keep many threads at work.</summary>
    private const int MaxUsualBatch = 64;

    /// <summary>Most values that the layers may hold for a usual batch, 256 MB: large images go through a few at a time.</summary>
    private const long MaxUsualValues = 1 << 26;

    internal ImageClassifier(NetworkSpec spec, ParameterStore store, InputScaling scaling, IReadOnlyList<EpochReport> history)
    {
        Spec = spec;
        Store = store;
        Scaling = scaling;
        History = history;
    }

    private ImageClassifier(ImageClassifier other)
        : this(other.Spec, other.Store, other.Scaling, other.History)
    {
        (Recipe, Temperature, Views, OptimizerState) = (other.Recipe, other.Temperature, other.Views, other.OptimizerState);
    }

    /// <summary>The network's description.</summary>
    public NetworkSpec Spec { get; }

    /// <summary>Shape of the images it classifies.</summary>
    public ImageShape InputShape => Spec.Input;

    /// <summary>Number of classes.</summary>
    public int ClassCount => Spec.Output.Size;

    /// <summary>Images that a predictor had best take at once: 64, or as many as the layers hold in 256 MB, and at least 1.</summary>
    public int UsualBatchCapacity => (int)Math.Clamp(MaxUsualValues / (InputShape.Size + Spec.Shapes.Sum(shape => (long)shape.Size)), 1, MaxUsualBatch);

    /// <summary>The parameters, first layer first.</summary>
    public IReadOnlyList<Parameter> Parameters => Store.Parameters;

    /// <summary>How pixels become the network's input.</summary>
    public InputScaling Scaling { get; }

    /// <summary>One report for each epoch of the training.</summary>
    public IReadOnlyList<EpochReport> History { get; }

    /// <summary>What its last training went by; null in a model that was written by a version that did not keep it, or that was made by <see cref="WithNewClasses"/>.</summary>
    public TrainingRecipe? Recipe { get; internal init; }

    /// <summary>
    /// T of p = softmax(logits / T), above 0: fitted on images that were not trained on, so that probabilities are
    /// what they claim to be (Guo et al. 2017). 1 where there were none.
    /// </summary>
    public float Temperature { get; internal init; } = 1;

    /// <summary>Whether an image's class scores are averaged with its mirror image's.</summary>
    public bool AveragesMirrored => Views.Mirrored;

    /// <summary>Whether an image's class scores are averaged with those of the image moved by a 32nd of its shorter side, up left and down right, which weigh half.</summary>
    public bool AveragesShifted => Views.Shifted;

    /// <summary>Whether it holds what its optimizer remembered, so that a training can go on from it as if it had not ended: after a training, and from a file that was written with it.</summary>
    public bool HasOptimizerState => OptimizerState is not null;

    internal AveragedViews Views { get; init; }

    internal ParameterStore Store { get; }

    /// <summary>What the optimizer remembered at the end of the training, to go on with; null in a model that was loaded from a file without it.</summary>
    internal StateDictionary? OptimizerState { get; init; }

    /// <summary>The same model at another temperature.</summary>
    internal ImageClassifier WithTemperature(float temperature) => new(this) { Temperature = temperature };

    /// <summary>The same model with other views averaged, at the same temperature.</summary>
    internal ImageClassifier WithViews(AveragedViews views) => new(this) { Views = views };

    /// <summary>
    /// A model to train on for other classes: the last layer, convolution or dense, and what follows it begin anew; all layers before
    /// keep their weights. It averages the same views, and has no history, no temperature and nothing of the optimizer.
    /// </summary>
    /// <param name="classes">Number of classes, at least 2; the same number will do.</param>
    /// <param name="seed">Seed of the new layer's weights. Default 1.</param>
    /// <returns>What <c>ImageClassifierTrainer.Fit</c> takes as previous model.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="classes"/> is less than 2.</exception>
    /// <exception cref="NotSupportedException">The network does not end with one layer that gives the classes; the message says with what.</exception>
    public ImageClassifier WithNewClasses(int classes, int seed = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 2);
        (NetworkSpec spec, NetworkSpec kept) = ClassifierHead.Replace(Spec, classes);
        ParameterStore parameters = ParameterLayout.Draw(spec, seed);
        Store.Values.Span[..ParameterLayout.Of(kept).Length].CopyTo(parameters.Values.Span);
        return new ImageClassifier(spec, parameters, Scaling, []) { Views = Views };
    }

    /// <summary>Writes the model, in the format of docs/model-format.md.</summary>
    /// <param name="stream">What to write to.</param>
    /// <param name="withOptimizerState">
    /// Whether to write what the optimizer remembered, too, several times the size of the parameters: a training that goes on
    /// from the file then has the same bits as one that goes on in the same process. Default false.
    /// </param>
    public void Save(Stream stream, bool withOptimizerState = false)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ModelFile.Write(new StoredModel(Spec, Store, Scaling, History, Recipe, new StoredPrediction(Temperature, Views), withOptimizerState ? OptimizerState : null), stream);
    }

    /// <summary>Writes the model to a file; a file of that name is replaced once the new one is whole and on disk. Otherwise as above.</summary>
    /// <inheritdoc cref="Save(Stream, bool)"/>
    /// <exception cref="IOException">The file was not written: the disk is full, or the like; an old one is as it was.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be written to.</exception>
    public void Save(string path, bool withOptimizerState = false) => AtomicFile.Write(path, stream => Save(stream, withOptimizerState));

    /// <summary>Reads what <see cref="Save(Stream, bool)"/> wrote.</summary>
    /// <exception cref="FormatException">The stream does not hold a whole, undamaged model of a known version; the message says what is wrong.</exception>
    public static ImageClassifier Load(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        StoredModel stored = ModelFile.Read(stream);
        return new ImageClassifier(stored.Spec, stored.Parameters, stored.Scaling, stored.History) { Recipe = stored.Recipe, Temperature = stored.Prediction.Temperature, Views = stored.Prediction.Views, OptimizerState = stored.OptimizerState };
    }

    /// <summary>
    /// Writes the model as an ONNX file (opset 13): pixels in, probabilities, most probable class and logits out, for any
    /// number of images at once. docs/onnx.md says more.
    /// </summary>
    /// <param name="stream">What to write to.</param>
    /// <param name="options">Names and layout of input and outputs; null for <c>Features</c> [N, H, W, C], <c>Score</c>, <c>PredictedLabel</c> and <c>Logits</c>.</param>
    /// <exception cref="ArgumentException">The options do not go with the model; the message says why.</exception>
    /// <exception cref="NotSupportedException">A layer has no counterpart in ONNX, or there are more parameters than a file can hold.</exception>
    public void ExportToOnnx(Stream stream, OnnxExportOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        OnnxExport.Write(this, options ?? new OnnxExportOptions(), stream);
    }

    /// <summary>Writes an ONNX file; a file of that name is replaced once the new one is whole and on disk. Otherwise as above.</summary>
    /// <inheritdoc cref="ExportToOnnx(Stream, OnnxExportOptions?)"/>
    public void ExportToOnnx(string path, OnnxExportOptions? options = null) => AtomicFile.Write(path, stream => ExportToOnnx(stream, options));

    /// <summary>Something that classifies with this model; any number of them may be at work at the same time.</summary>
    /// <param name="batchCapacity">Largest number of images in one call, at least 1.</param>
    /// <param name="threads">Threads to compute with, at least 1; more than 4 for each processor (or 64) are taken as so many. Results do not depend on it.</param>
    public ImagePredictor CreatePredictor(int batchCapacity = 1, int threads = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchCapacity, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        return new ImagePredictor(this, batchCapacity, threads);
    }
}
