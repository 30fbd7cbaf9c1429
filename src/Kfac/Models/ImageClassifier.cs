using System.Text.Json;
using System.Text.Json.Serialization;
using Kfac.Images;
using Kfac.Memory;
using Kfac.Networks;

namespace Kfac.Models;

/// <summary>A trained network: its description, its parameters, the scaling of its input and how it was trained. Immutable.</summary>
public sealed class ImageClassifier
{
    /// <summary>A loss on the validation images may be infinite or NaN, and is then so on record.</summary>
    private static readonly JsonSerializerOptions HistoryFormat = new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    internal ImageClassifier(NetworkSpec spec, ParameterStore store, InputScaling scaling, IReadOnlyList<EpochReport> history)
    {
        Spec = spec;
        Store = store;
        Scaling = scaling;
        History = history;
    }

    /// <summary>The network's description.</summary>
    public NetworkSpec Spec { get; }

    /// <summary>Shape of the images it classifies.</summary>
    public ImageShape InputShape => Spec.Input;

    /// <summary>Number of classes.</summary>
    public int ClassCount => Spec.Output.Size;

    /// <summary>The parameters, first layer first.</summary>
    public IReadOnlyList<Parameter> Parameters => Store.Parameters;

    /// <summary>How pixels become the network's input.</summary>
    public InputScaling Scaling { get; }

    /// <summary>One report for each epoch of the training.</summary>
    public IReadOnlyList<EpochReport> History { get; }

    internal ParameterStore Store { get; }

    /// <summary>What the optimizer remembered at the end of the training, to go on with; null in a model that was loaded.</summary>
    internal StateDictionary? OptimizerState { get; init; }

    /// <summary>Writes the model, in the format of docs/model-format.md.</summary>
    public void Save(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ModelFile.Write(new StoredModel(Spec, Store, Scaling, JsonSerializer.Serialize(History, HistoryFormat)), stream);
    }

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <exception cref="FormatException">The stream does not hold a whole, undamaged model of a known version; the message says what is wrong.</exception>
    public static ImageClassifier Load(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        StoredModel stored = ModelFile.Read(stream);
        return new ImageClassifier(stored.Spec, stored.Parameters, stored.Scaling, ReadHistory(stored.Notes));
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
        OnnxExport.Write(Spec, Parameters, Scaling, options ?? new OnnxExportOptions(), stream);
    }

    /// <summary>Writes an ONNX file; a file of that name is replaced once the new one is whole. Otherwise as above.</summary>
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

    private static EpochReport[] ReadHistory(string json)
    {
        try
        {
            EpochReport[] history = JsonSerializer.Deserialize<EpochReport[]>(json, HistoryFormat) ?? [];
            return history.Contains(null) ? throw new FormatException("the model's training history lacks an epoch") : history;
        }
        catch (JsonException e)
        {
            throw new FormatException($"the model's training history cannot be read: {e.Message}", e);
        }
    }
}
