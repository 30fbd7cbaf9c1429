using Kfac.Images;
using Kfac.Models;
using Kfac.Optimizers;
using Kfac.Parallel;
using Kfac.Training;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetKfac.Columns;
using MLNetKfac.Scoring;
using MLNetKfac.Training;

namespace MLNetKfac;

/// <summary>
/// Trains a small convolutional network that predicts the label column from the image column, by K-FAC or, if
/// so chosen, by Muon, Adam or stochastic gradient descent.
/// </summary>
/// <remarks>
/// <para>Made by <c>mlContext.MulticlassClassification.Trainers.KfacImageClassification(...)</c>.</para>
/// <para>
/// As with ML.NET's own trainers, training rows whose label is missing, whose weight is missing or negative, or that have a
/// pixel that is NaN or infinite (a missing image is all NaN) are left out, counted and reported by a warning on the
/// environment's log; when classifying, such a pixel makes every probability
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

    /// <summary>Seed of a training with checkpoints that names none.</summary>
    private const int SeedOfCheckpoints = 1;

    private const string ExpectedWeight = "a Single";

    private readonly IHost _host;
    private readonly Options _options;
    private readonly TrainingOptions _training;

    /// <param name="env">The environment: usually an <see cref="MLContext"/>.</param>
    /// <param name="options">Columns, network, optimizer and course of the training. Copied: later changes have no effect.</param>
    /// <exception cref="ArgumentException">An option is out of its range; the message names it.</exception>
    public KfacImageClassificationTrainer(IHostEnvironment env, Options options)
    {
        ArgumentNullException.ThrowIfNull(env);
        ArgumentNullException.ThrowIfNull(options);
        _host = env.Register(nameof(KfacImageClassificationTrainer));
        _options = options.Copy();
        _training = _options.ToTrainingOptions(SharedSeed(_options));
        _ = new ImageClassifierTrainer(_training);
    }

    /// <summary>Trains on all rows, or on those that <see cref="Options.ValidationSetFraction"/> leaves.</summary>
    /// <param name="input">The training rows.</param>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or of a type that the trainer does not take; the message names column and option.</exception>
    /// <exception cref="FormatException">A row has another number of pixels than its column's type says.</exception>
    /// <exception cref="InvalidOperationException">No row is usable, all usable rows are of one class, or rows that are read in passes are not the same in every pass.</exception>
    /// <exception cref="ArgumentException">The network does not go with the images and classes, a layer is named that it lacks, <see cref="Options.TrainingMemory"/> is too little, or <see cref="Options.CheckpointPath"/> has checkpoints of other rows or options.</exception>
    /// <exception cref="InvalidDataException">No checkpoint in <see cref="Options.CheckpointPath"/> is undamaged, or the newest one is of another version.</exception>
    /// <exception cref="IOException"><see cref="Options.CheckpointPath"/> is no folder, or another training uses it.</exception>
    /// <exception cref="OperationCanceledException"><see cref="Options.CancellationToken"/> was cancelled, or <c>MLContext.CancelExecution</c> called.</exception>
    /// <exception cref="NotSupportedException">A Fisher block that the optimizer's settings ask for cannot serve its layer, or a previous model does not end with a layer that other classes can replace; the message names it.</exception>
    /// <exception cref="Kfac.Parallel.CommunicatorException">Another rank failed or could not be reached, or was given something else to train.</exception>
    /// <exception cref="TrainingDivergedException">The loss kept being not finite in spite of every remedy.</exception>
    public KfacImageClassificationTransformer Fit(IDataView input) => Fit(input, _options.ValidationSet);

    /// <summary>Trains on the rows of one data view and validates on those of another.</summary>
    /// <param name="trainData">The training rows.</param>
    /// <param name="validationData">Rows with the same columns, never trained on, in place of <see cref="Options.ValidationSet"/>; null takes <see cref="Options.ValidationSetFraction"/>.</param>
    /// <inheritdoc cref="Fit(IDataView)"/>
    public KfacImageClassificationTransformer Fit(IDataView trainData, IDataView? validationData) => Fit(trainData, validationData, previousModel: null);

    /// <summary>Goes on with the training of a model, or fine-tunes it for other classes.</summary>
    /// <remarks>
    /// Where the labels have other values than the model's, its last layer begins anew and all others keep their weights; the log says so. With
    /// <see cref="Options.FrozenLayers"/> the first layers are not trained.
    /// </remarks>
    /// <param name="trainData">The training rows, with the image shape that the model was trained on.</param>
    /// <param name="validationData">Rows with the same columns, never trained on; null takes <see cref="Options.ValidationSetFraction"/>.</param>
    /// <param name="previousModel">
    /// What to go on from: its network, weights and input scaling and, unless it was loaded from a file without it or trained by
    /// another optimizer, what its optimizer remembered. <see cref="Options.Epoch"/> epochs come on top of its own. Null starts anew.
    /// </param>
    /// <inheritdoc cref="Fit(IDataView)"/>
    public KfacImageClassificationTransformer Fit(IDataView trainData, IDataView? validationData, KfacImageClassificationTransformer? previousModel)
    {
        ArgumentNullException.ThrowIfNull(trainData);
        using var log = new TrainingLog(_host);
        using var cancellation = new Cancellation(_host, _options.CancellationToken);
        ImageColumns columns = FindColumns(trainData, features => FormatOf(trainData, features, previousModel), FindWeight(trainData.Schema));
        (PixelFormat format, LabelColumn label) = (columns.Format, columns.Label);
        ImageClassifier? previous = previousModel is null ? null : GoOnFrom(previousModel.Model, label, log);
        if (format.Ambiguity(columns.Features, _options.Images) is { } ambiguity)
        {
            log.Info(ambiguity);
        }

        // What can be known before the rows are read, which may take long, is refused before.
        ImageColumns? validationColumns = validationData is null ? null : FindValidationColumns(validationData, columns);
        float[]? classWeights = _options.ClassWeights is { } weights ? label.Arrange(weights) : null;
        long budget = SharedBudget();
        ImageSet training = Read(trainData, columns, budget, cancellation, log);
        RequireTwoClasses(training, label);
        ImageSet? validation = validationColumns is null ? null : Read(validationData!, validationColumns, budget, cancellation, log);
        if (validation is null && ValidationFraction > 0)
        {
            (training, validation) = training.Split(ValidationFraction, _training.Seed);
            if (validation.Count == 0)
            {
                log.Warn($"no class has two images, so that none is set apart for validation: give a {nameof(Options.ValidationSet)}, or more images");
            }
        }

        log.Info($"Training on {training.Count} images of {format.Shape} in {label.ClassCount} classes, validating on {validation?.Count ?? 0}");
        if (!training.IsInMemory)
        {
            log.Info($"The images take more than {budget} bytes: they are read anew in each epoch");
        }

        ImageClassifier classifier = new ImageClassifierTrainer(_training with
        {
            Network = previousModel is not null && previousModel.Model.Network.Equals(_training.Network) ? previous!.Spec : _training.Network,
            ClassWeights = classWeights,
            OnBatch = report =>
            {
                cancellation.Look();
                _options.MetricsCallback?.Invoke(new KfacImageClassificationMetrics(report, null));
            },
            OnEpoch = report =>
            {
                log.Report(report);
                _options.MetricsCallback?.Invoke(new KfacImageClassificationMetrics(null, report));
            },
            OnInfo = log.Info,
            OnWarning = log.Warn,
        }).Fit(training, validation is { Count: > 0 } ? validation : null, previous, cancellation.Token);
        return new KfacImageClassificationTransformer(new ScoringModel(classifier, label.Values, _options.FeatureColumnName, format, Outputs) { SavesOptimizerState = _options.SaveOptimizerState });
    }

    /// <summary>The columns that the trained model will give.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or of a type that the trainer does not take; the message names column and option.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        SchemaShape.Column features = inputSchema.FirstOrDefault(column => column.Name == _options.FeatureColumnName);
        if (features.Name is null || !PixelFormat.MayHoldImages(features))
        {
            throw ColumnMismatch.Create(
                nameof(Options.FeatureColumnName), _options.FeatureColumnName, PixelFormat.ExpectedType,
                features.Name is null ? null : $"{features.Kind} of {(features.IsKey ? "key " : "")}{features.ItemType}");
        }

        if (_options.ExampleWeightColumnName is { } weightName)
        {
            SchemaShape.Column weight = inputSchema.FirstOrDefault(column => column.Name == weightName);
            if (weight is not { Name: not null, Kind: SchemaShape.Column.VectorKind.Scalar, IsKey: false } || weight.ItemType != NumberDataViewType.Single)
            {
                throw ColumnMismatch.Create(nameof(Options.ExampleWeightColumnName), weightName, ExpectedWeight, weight.Name is null ? null : $"{weight.Kind} of {(weight.IsKey ? "key " : "")}{weight.ItemType}");
            }
        }

        SchemaShape.Column label = LabelColumn.Find(inputSchema, _options.LabelColumnName);
        return Outputs.ToSchemaShape(inputSchema, label);
    }

    private OutputColumns Outputs => new(_options.ScoreColumnName, _options.PredictedLabelColumnName);

    /// <summary>Ranks that train together need one seed: rank 0's.</summary>
    private int SharedSeed(Options options)
    {
        int[] seed = [options.Seed ?? (options.CheckpointPath is null ? _host.Rand.Next() : SeedOfCheckpoints)];
        options.Communicator?.Broadcast<int>(seed, root: 0);
        return seed[0];
    }

    /// <summary>Whether images fit into memory, and how they are shuffled if not, must be the same on all ranks: the least of their budgets is that of all.</summary>
    private long SharedBudget()
    {
        Communicator ranks = _training.Communicator;
        return ranks.AllGather(_options.MemoryBudget ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2 / ranks.RanksOnThisMachine).Min();
    }

    private float ValidationFraction => _options.ValidationSetFraction ?? (_options.EarlyStoppingCriteria is null ? 0 : UsualValidationFraction);

    private ImageColumns FindColumns(IDataView data, Func<DataViewSchema.Column, PixelFormat> format, DataViewSchema.Column? weight)
    {
        DataViewSchema.Column features = data.Schema.RequireColumn(nameof(Options.FeatureColumnName), _options.FeatureColumnName, PixelFormat.ExpectedType);
        LabelColumn label = LabelColumn.Find(data.Schema, _options.LabelColumnName);
        return new ImageColumns(features, format(features), label, weight);
    }

    private DataViewSchema.Column? FindWeight(DataViewSchema schema)
    {
        if (_options.ExampleWeightColumnName is not { } name)
        {
            return null;
        }

        DataViewSchema.Column column = schema.RequireColumn(nameof(Options.ExampleWeightColumnName), name, ExpectedWeight);
        return column.Type == NumberDataViewType.Single
            ? column
            : throw ColumnMismatch.Create(nameof(Options.ExampleWeightColumnName), name, ExpectedWeight, column.Type.ToString());
    }

    private PixelFormat FormatOf(IDataView data, DataViewSchema.Column features, KfacImageClassificationTransformer? previousModel)
    {
        ToldImages told = _options.Images;
        if (previousModel is null)
        {
            return PixelFormat.ForTraining(features, told, () => MLImagePixelReader.FirstSize(data, features));
        }

        if (told.Shape is { } shape && shape != previousModel.Format.Shape)
        {
            throw new ArgumentException($"{told.ShapeOption} tells of images of {shape}, but the previous model takes {previousModel.Format.Shape}; leave it out to go on with those", nameof(previousModel));
        }

        return previousModel.Format.ForPrediction(features, told.Layout);
    }

    /// <summary>The model itself or, for labels of other values, the same with a new last layer.</summary>
    private ImageClassifier GoOnFrom(KfacImageClassificationModelParameters model, LabelColumn label, TrainingLog log)
    {
        string[] before = [.. model.ClassNames ?? []], now = [.. label.Values?.Texts ?? []];
        if ((label.ClassCount == model.ClassCount && SameValues(label.Values, model.LabelValues)) || (now.Length > 0 && now.Order().SequenceEqual(before.Order())))
        {
            RequireSameLabel(label, model.ClassCount, model.LabelValues, "trainData", "the previous model's");
            return model.Classifier;
        }

        log.Info($"The labels are others than the previous model's: its last layer begins anew, for {label.ClassCount} classes in place of {model.ClassCount}, and all others keep their weights");
        return model.Classifier.WithNewClasses(label.ClassCount, _training.Seed);
    }

    private ImageColumns FindValidationColumns(IDataView data, ImageColumns trained)
    {
        try
        {
            ImageColumns columns = FindColumns(data, features => trained.Format.ForPrediction(features), weight: null);
            RequireSameLabel(columns.Label, trained.Label.ClassCount, trained.Label.Values, nameof(Options.ValidationSet), "the training rows'");
            return columns;
        }
        catch (ArgumentOutOfRangeException mismatch)
        {
            throw new ArgumentOutOfRangeException(nameof(Options.ValidationSet), $"{nameof(Options.ValidationSet)}: {mismatch.Message.Split(" (Parameter '")[0]}");
        }
    }

    private void RequireSameLabel(LabelColumn label, int classCount, LabelValues? values, string name, string whose)
    {
        if (label.ClassCount != classCount || !SameValues(label.Values, values))
        {
            throw new ArgumentException(
                $"{name}: the keys of '{_options.LabelColumnName}' must have the {classCount} values of {whose} in the same order, but have {label.ClassCount}{(label.ClassCount == classCount ? " others" : "")}: map both by one MapValueToKey",
                name);
        }
    }

    private ImageSet Read(IDataView data, ImageColumns columns, long budget, Cancellation cancellation, TrainingLog log)
    {
        var stream = new DataViewStream(data, columns, _training.Communicator, cancellation);
        ImageSet images = ImageSet.Load(stream, budget);
        string[] rows = [.. stream.Omissions!.Sentences()];
        Array.ForEach(rows, log.Warn);
        return images.Count > 0
            ? images
            : throw new InvalidOperationException(stream.Omissions.HasRows ? $"there are no usable rows to train or validate on: {string.Join("; ", rows)}" : "there are no rows to train or validate on");
    }

    private static void RequireTwoClasses(ImageSet images, LabelColumn label)
    {
        if (images.ClassCounts.Count(count => count > 0) == 1)
        {
            throw new InvalidOperationException(
                $"{nameof(Options.LabelColumnName)} '{label.Column.Name}': training needs at least two classes, but all {images.Count} usable rows are of one, {label.NameOf(images.ClassCounts.Select((count, c) => (count, c)).Single(pair => pair.count > 0).c)}");
        }
    }

    private static bool SameValues(LabelValues? values, LabelValues? others) =>
        values?.Type == others?.Type && (values?.Texts ?? []).SequenceEqual(others?.Texts ?? []);
}
