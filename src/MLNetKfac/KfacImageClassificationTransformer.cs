using Kfac.Models;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetKfac.Columns;
using MLNetKfac.ModelIO;
using MLNetKfac.Saving;
using MLNetKfac.Scoring;

namespace MLNetKfac;

/// <summary>
/// A trained image classifier in a pipeline: adds the classes' probabilities (by default <c>Score</c>, a vector of
/// <see cref="float"/> that adds up to 1) and the most probable class (<c>PredictedLabel</c>, a key with the label's values).
/// </summary>
/// <remarks>
/// <para>
/// Saved and loaded by <c>mlContext.Model.Save</c> and <c>Load</c>, alone or in a chain; <see cref="FindIn"/> finds it in what
/// <c>Load</c> gave.
/// </para>
/// <para>
/// Data views that it gives are lazy, and predictions are the same, bit for bit, whether made row by row or in any number
/// of cursors. It may be used by several threads at once. A row with a pixel that is NaN or infinite gets probabilities of NaN
/// and a missing label.
/// </para>
/// </remarks>
public sealed class KfacImageClassificationTransformer : ISingleFeaturePredictionTransformer<KfacImageClassificationModelParameters>, IDisposable
{
    private readonly ScoringModel _model;

    internal KfacImageClassificationTransformer(ScoringModel model)
    {
        _model = model;
        Model = new KfacImageClassificationModelParameters(model.Classifier, model.LabelValues);
    }

    /// <summary>The trained network.</summary>
    public KfacImageClassificationModelParameters Model { get; }

    /// <summary>Column of the pixels.</summary>
    public string FeatureColumnName => _model.FeatureColumnName;

    /// <summary>Type of that column in the training rows.</summary>
    public DataViewType FeatureColumnType => _model.Format.ColumnType;

    /// <summary>Column that the probabilities are written to.</summary>
    public string ScoreColumnName => _model.Outputs.ScoreName;

    /// <summary>Column that the most probable class is written to.</summary>
    public string PredictedLabelColumnName => _model.Outputs.PredictedLabelName;

    /// <summary>Order of the values of a flat feature vector.</summary>
    public ImageLayout Layout => _model.Format.Layout;

    bool ITransformer.IsRowToRowMapper => true;

    internal PixelFormat Format => _model.Format;

    /// <summary>The image classifier in a trained or loaded model: the model itself, or one of a chain or of chains within chains.</summary>
    /// <exception cref="ArgumentException">There is none, or more than one; the message says what there is.</exception>
    /// <example><code>
    /// ITransformer model = mlContext.Model.Load("model.zip", out _);
    /// IReadOnlyList&lt;string&gt;? classes = KfacImageClassificationTransformer.FindIn(model).Model.ClassNames;
    /// </code></example>
    public static KfacImageClassificationTransformer FindIn(ITransformer model)
    {
        ArgumentNullException.ThrowIfNull(model);
        ITransformer[] parts = [.. Parts(model)];
        KfacImageClassificationTransformer[] found = [.. parts.OfType<KfacImageClassificationTransformer>()];
        return found.Length == 1
            ? found[0]
            : throw new ArgumentException($"the model must have one {nameof(KfacImageClassificationTransformer)}, but has {found.Length} among {string.Join(", ", parts.Select(part => part.GetType().Name))}", nameof(model));

        static IEnumerable<ITransformer> Parts(ITransformer model) => model is IEnumerable<ITransformer> chain ? chain.SelectMany(Parts) : [model];
    }

    /// <summary>The input's columns, then the predicted label and the score.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The feature column is missing or does not hold images of the model's shape.</exception>
    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => Bind(inputSchema).Output;

    /// <summary>The rows of <paramref name="input"/> with their classification, which is computed as they are read.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The feature column is missing or does not hold images of the model's shape.</exception>
    public IDataView Transform(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return new ScoringDataView(Bind(input.Schema), input);
    }

    /// <summary>Something that classifies row by row.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The feature column is missing or does not hold images of the model's shape.</exception>
    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => new ScoringMapper(Bind(inputSchema));

    /// <summary>
    /// Writes the model as an ONNX file, which <c>mlContext.Model.ConvertToOnnx</c> cannot do for transformers from outside
    /// ML.NET. Input and outputs are named like the columns: the pixels as the feature column holds them, as [N, H, W, C] or
    /// [N, C, H, W] by <see cref="Layout"/>; the probabilities [N, classes]; the index of the most probable class, from 0,
    /// where the column's keys begin with 1. docs/onnx.md says more.
    /// </summary>
    /// <param name="stream">What to write to.</param>
    /// <exception cref="ArgumentException">Two columns have one name, or an output would be named <c>Logits</c> twice.</exception>
    /// <exception cref="NotSupportedException">A layer has no counterpart in ONNX, or there are more parameters than a file can hold.</exception>
    public void ExportToOnnx(Stream stream) => Model.Classifier.ExportToOnnx(stream, OnnxOptions);

    /// <summary>Writes an ONNX file; a file of that name is replaced once the new one is whole. Otherwise as above.</summary>
    /// <inheritdoc cref="ExportToOnnx(Stream)"/>
    public void ExportToOnnx(string path) => Model.Classifier.ExportToOnnx(path, OnnxOptions);

    /// <summary>
    /// Does nothing: what a prediction works with belongs to the cursor or engine that makes it, so that a model can be used
    /// on after a prediction engine, which disposes of its model, is gone.
    /// </summary>
    public void Dispose()
    {
    }

    private OnnxExportOptions OnnxOptions => new()
    {
        InputName = FeatureColumnName,
        ScoreName = ScoreColumnName,
        PredictedLabelName = PredictedLabelColumnName,
        ChannelsFirst = Layout == ImageLayout.ChannelsFirst,
        ClassNames = Model.ClassNames,
    };

    void ICanSaveModel.Save(ModelSaveContext ctx) => TransformerPersistence.Save(ctx, TransformerPayload.Version, payload => TransformerPayload.Write(_model, payload));

    // TransformerPersistence finds this by its name and its exact signature.
    private static ITransformer Load(int version, byte[] payload) => new KfacImageClassificationTransformer(TransformerPayload.Read(version, payload));

    private ScoringSchema Bind(DataViewSchema inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        return new ScoringSchema(_model, inputSchema);
    }
}
