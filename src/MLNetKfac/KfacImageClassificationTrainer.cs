using Kfac.Optimizers;
using Kfac.Training;
using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace MLNetKfac;

/// <summary>
/// Trains a small convolutional network on the images of one column to tell the classes of another, by K-FAC or, if
/// so chosen, by Adam or stochastic gradient descent.
/// </summary>
/// <remarks>
/// <para>Made by <c>mlContext.MulticlassClassification.Trainers.KfacImageClassification(...)</c>.</para>
/// <para>
/// As with ML.NET's own trainers, training rows whose label is missing or that have a pixel that is NaN or infinite are left
/// out, counted and reported by a warning on the environment's log; when classifying, such a pixel makes every probability
/// NaN and the predicted label missing.
/// </para>
/// <para>
/// The same seed and data give the same model, bit for bit, whatever the number of threads; fitting twice gives it twice.
/// </para>
/// </remarks>
public sealed partial class KfacImageClassificationTrainer : IEstimator<KfacImageClassificationTransformer>
{
    /// <summary>Share set apart where early stopping needs validation images and nothing says how many.</summary>
    private const float UsualValidationFraction = 0.1f;

    private readonly IHost _host;
    private readonly Options _options;
    private readonly TrainingOptions _training;

    /// <param name="env">The environment: usually an <see cref="MLContext"/>.</param>
    /// <param name="options">Columns, network, optimizer and course of the training.</param>
    /// <exception cref="ArgumentException">An option is out of its range; the message names it.</exception>
    public KfacImageClassificationTrainer(IHostEnvironment env, Options options)
    {
        ArgumentNullException.ThrowIfNull(env);
        ArgumentNullException.ThrowIfNull(options);
        _host = env.Register(nameof(KfacImageClassificationTrainer));
        _options = options;
        _training = options.ToTrainingOptions(options.Seed ?? _host.Rand.Next());
        _ = new ImageClassifierTrainer(_training);
    }

    /// <summary>Trains on all rows, or on those that <see cref="Options.ValidationSetFraction"/> leaves.</summary>
    /// <param name="input">The training rows.</param>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or of a type that the trainer does not take; the message names column and option.</exception>
    /// <exception cref="FormatException">A row has another number of pixels than its column's type says.</exception>
    /// <exception cref="InvalidOperationException">No row is usable, or all usable rows are of one class.</exception>
    /// <exception cref="ArgumentException">The network does not go with the images and classes.</exception>
    /// <exception cref="OperationCanceledException"><see cref="Options.CancellationToken"/> was cancelled.</exception>
    /// <exception cref="TrainingDivergedException">The loss kept being not finite in spite of every remedy.</exception>
    public KfacImageClassificationTransformer Fit(IDataView input) => Fit(input, _options.ValidationSet);

    /// <summary>Trains on the rows of one data view and validates on those of another.</summary>
    /// <param name="trainData">The training rows.</param>
    /// <param name="validationData">Rows with the same columns, never trained on, in place of <see cref="Options.ValidationSet"/>; null takes <see cref="Options.ValidationSetFraction"/>.</param>
    /// <inheritdoc cref="Fit(IDataView)"/>
    public KfacImageClassificationTransformer Fit(IDataView trainData, IDataView? validationData)
    {
        ArgumentNullException.ThrowIfNull(trainData);
        using var log = new TrainingLog(_host);
        DataViewSchema.Column features = FindFeatures(trainData.Schema);
        PixelFormat format = PixelFormat.ForTraining(features, _options);
        LabelColumn label = LabelColumn.Find(trainData.Schema, _options.LabelColumnName);
        IImageSource training = Read(trainData, features, format, label, log);
        RequireTwoClasses(training, label);
        IImageSource? validation = validationData is null ? null : ReadValidation(validationData, format, label, log);
        if (validation is null && ValidationFraction > 0)
        {
            (training, validation) = ImageSourceSplit.Stratified(training, ValidationFraction, _training.Seed);
        }

        log.Info($"Training on {training.Count} images of {format.Shape} in {label.ClassCount} classes, validating on {validation?.Count ?? 0}");
        ImageClassifier classifier = new ImageClassifierTrainer(_training with
        {
            OnBatch = _options.MetricsCallback is { } told ? report => told(new KfacImageClassificationMetrics(report, null)) : null,
            OnEpoch = report =>
            {
                log.Report(report);
                _options.MetricsCallback?.Invoke(new KfacImageClassificationMetrics(null, report));
            },
            OnWarning = log.Warn,
        }).Fit(training, validation is { Count: > 0 } ? validation : null, _options.CancellationToken);
        return new KfacImageClassificationTransformer(
            new KfacImageClassificationModelParameters(classifier, label.Values), _options.FeatureColumnName, format,
            new OutputColumns(_options.ScoreColumnName, _options.PredictedLabelColumnName));
    }

    /// <summary>The columns that the trained model will give.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or of a type that the trainer does not take; the message names column and option.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        SchemaShape.Column features = inputSchema.FirstOrDefault(column => column.Name == _options.FeatureColumnName);
        if (features is not { Name: not null, Kind: SchemaShape.Column.VectorKind.Vector, IsKey: false } || !PixelFormat.IsPixelItem(features.ItemType))
        {
            throw ColumnMismatch.Create(
                nameof(Options.FeatureColumnName), _options.FeatureColumnName, PixelFormat.ExpectedType,
                features.Name is null ? null : $"{features.Kind} of {(features.IsKey ? "key " : "")}{features.ItemType}");
        }

        SchemaShape.Column label = LabelColumn.Find(inputSchema, _options.LabelColumnName);
        return new OutputColumns(_options.ScoreColumnName, _options.PredictedLabelColumnName).Promise(inputSchema, label);
    }

    private float ValidationFraction => _options.ValidationSetFraction ?? (_options.EarlyStoppingCriteria is null ? 0 : UsualValidationFraction);

    private DataViewSchema.Column FindFeatures(DataViewSchema schema) =>
        schema.RequireColumn(nameof(Options.FeatureColumnName), _options.FeatureColumnName, PixelFormat.ExpectedType);

    private MemoryImageSource ReadValidation(IDataView data, PixelFormat format, LabelColumn trained, TrainingLog log)
    {
        DataViewSchema.Column features = FindFeatures(data.Schema);
        LabelColumn label = LabelColumn.Find(data.Schema, _options.LabelColumnName);
        if (label.ClassCount != trained.ClassCount || !SameValues(label.Values, trained.Values))
        {
            throw new ArgumentException(
                $"{nameof(Options.ValidationSet)}: the keys of '{_options.LabelColumnName}' must have the {trained.ClassCount} values of the training rows' in the same order, but have {label.ClassCount}{(label.ClassCount == trained.ClassCount ? " others" : "")}: map both by one MapValueToKey",
                nameof(Options.ValidationSet));
        }

        return Read(data, features, format.ForPrediction(features), label, log);
    }

    private MemoryImageSource Read(IDataView data, DataViewSchema.Column features, PixelFormat format, LabelColumn label, TrainingLog log)
    {
        DataViewImages read = DataViewImages.Read(data, features, format, label, _options.CancellationToken);
        foreach (string omission in read.Omissions())
        {
            log.Warn(omission);
        }

        return read.Images.Count > 0
            ? read.Images
            : throw new InvalidOperationException(read.Rows == 0 ? "there are no rows to train or validate on" : $"there are no usable rows to train or validate on: {string.Join("; ", read.Omissions())}");
    }

    private static void RequireTwoClasses(IImageSource images, LabelColumn label)
    {
        int only = images.GetLabel(0);
        if (Enumerable.Range(0, images.Count).All(index => images.GetLabel(index) == only))
        {
            throw new InvalidOperationException(
                $"{nameof(Options.LabelColumnName)} '{label.Column.Name}': training needs at least two classes, but all {images.Count} usable rows are of one, {label.Values?.Texts[only] ?? $"key {only + 1}"}");
        }
    }

    private static bool SameValues(LabelValues? values, LabelValues? others) =>
        values?.Type == others?.Type && (values?.Texts ?? []).SequenceEqual(others?.Texts ?? []);
}
