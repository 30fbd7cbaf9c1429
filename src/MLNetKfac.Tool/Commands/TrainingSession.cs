using System.Globalization;
using Kfac;
using Kfac.Images;
using Kfac.Models;
using Kfac.Mpi;
using Kfac.Optimizers;
using Kfac.Parallel;
using Kfac.Training;
using Microsoft.ML;
using MLNetKfac.Tool.Data;
using MLNetKfac.Tool.Models;
using MLNetKfac.Tool.Terminal;
using Spectre.Console;

namespace MLNetKfac.Tool.Commands;

/// <summary>A training from the folder to the model file and its evaluation.</summary>
internal sealed class TrainingSession
{
    private const string Default = "default";

    private const string ChosenByValidation = "chose the epoch and the temperature: the figures are a little flattered";

    /// <summary>Under mpirun, all ranks train and rank 0 alone prints and writes.</summary>
    private readonly Communicator _ranks = MpiCommunicator.IsLaunched ? MpiCommunicator.World : Communicator.Solo;

    public required string Folder { get; init; }

    public required string ModelPath { get; init; }

    /// <summary>0 leaves them to the trainer.</summary>
    public required int Epochs { get; init; }

    public int? Size { get; init; }

    /// <summary>The model to go on from; null to begin anew.</summary>
    public string? PreviousPath { get; init; }

    public Index FrozenLayers { get; init; }

    public required string OptimizerName { get; init; }

    public required OptimizerOptions Optimizer { get; init; }

    /// <summary>Null leaves it to the trainer.</summary>
    public AugmentationOptions? Augmentation { get; init; }

    public bool Thorough { get; init; }

    public bool AverageShifted { get; init; }

    public required int Seed { get; init; }

    public int Threads { get; init; }

    public double? Validation { get; init; }

    public string? CheckpointPath { get; init; }

    public CheckpointInterval CheckpointEvery { get; init; } = CheckpointInterval.Epochs(1);

    public string? LogPath { get; init; }

    public string? ReportPath { get; init; }

    public bool WritesDigest { get; init; }

    public bool WritesJson { get; init; }

    public int Run()
    {
        bool isFirst = _ranks.Rank == 0;
        if (isFirst)
        {
            // Before the training, not after it, a file that cannot be written is bad news.
            OutputFile.Require("--model", ModelPath);
            OutputFile.Require("--report", ReportPath);
            OutputFile.Require("--log", LogPath);
            OutputFile.RequireFolder("--checkpoint", CheckpointPath);
        }

        MLContext mlContext = new(Seed);
        using Screen screen = new(!isFirst ? TextWriter.Null : WritesJson ? Console.Error : Console.Out);
        screen.ShowWarningsOf(mlContext);
        TrainerWords.ShowRecipe(mlContext, screen);
        using Interruption interruption = new();
        CheckpointOptions? checkpoints = CheckpointPath is null || !isFirst ? null : new CheckpointOptions(CheckpointPath);
        PictureModel? previous = PreviousPath is null ? null : PictureModel.Load(mlContext, PreviousPath);
        Dictionary<string, string> words = Words(previous);
        checkpoints?.RequireSame(words);
        bool goesOn = checkpoints?.HasCheckpoints == true;
        using TrainingJournal? journal = LogPath is null || !isFirst ? null : new TrainingJournal(LogPath, goesOn);
        TrainingProgress progress = new(screen, goesOn);
        progress.Begin();

        // With checkpoints, a training is cancelled between steps: the last checkpoint then misses nothing.
        using CancellationTokenSource betweenSteps = new();
        bool isTraining = false;
        PictureFolder folder = new(mlContext, Folder, read =>
        {
            // A training ends by its own token, so that it can keep its model; everything else just ends.
            if (!isTraining)
            {
                interruption.Token.ThrowIfCancellationRequested();
            }
            else if (interruption.HasCome)
            {
                betweenSteps.Cancel();
            }

            progress.Update(read);
        }, _ranks);
        TrainingData data = folder.ReadForTraining(previous?.ImageSize ?? (Size is { } side ? (side, side) : null), Validation, Seed);
        if (ReportPath is not null && data.Test is null)
        {
            throw new ArgumentException("--report needs pictures to evaluate the model on: hold some back by --validation, or add test pictures");
        }

        TrainingNotes.Describe(screen, data, previous, folder.Remarks);

        long steps = 0;
        isTraining = true;
        KfacImageClassificationTransformer classifier = Fit(mlContext, data, previous?.Classifier, checkpoints, metrics =>
        {
            if (!progress.HasStarted)
            {
                checkpoints?.Note(words);
            }

            progress.Update(metrics);
            steps += metrics.Epoch is null ? 1 : 0;
            if (metrics.Epoch is { } epoch)
            {
                journal?.Write(epoch, screen.Warn);
            }

            if (interruption.HasCome)
            {
                betweenSteps.Cancel();
            }
        }, checkpoints is null ? interruption.Token : betweenSteps.Token, out IDataView trained);
        isTraining = false;
        screen.ShowStatus(null);
        bool isInterrupted = _ranks.Any(interruption.HasCome);
        if (!isFirst)
        {
            // Another code would have mpirun end rank 0, which is not done yet.
            return ExitCode.Done;
        }

        if (goesOn)
        {
            journal?.Complete(classifier.Model.TrainingHistory.Except(previous?.Classifier.Model.TrainingHistory ?? []), screen.Warn);
        }

        if (goesOn && !progress.HasStarted && !isInterrupted)
        {
            screen.Line(Markup.Escape($"this training had already ended: the model is that of its last checkpoint. To train anew, delete '{CheckpointPath}' or name another --checkpoint folder"));
        }

        PictureModel model = PictureModel.Of(mlContext, classifier, trained);
        model.Save(ModelPath);
        screen.Line();
        screen.Line(Markup.Escape($"saved: {ModelPath} ({new FileInfo(ModelPath).Length / 1e6:F1} MB), {TrainingNotes.Kept(classifier, previous, isInterrupted)}"));
        Evaluation? evaluation = null;
        if (data.Test is { } test && !isInterrupted)
        {
            try
            {
                evaluation = Evaluate(screen, model, test, data);
                if (ReportPath is not null)
                {
                    screen.Line();
                    screen.ShowStatus(() => " writing the report …");
                    SaveReport(ReportPath, classifier, data, Choices(words, data, classifier.Model.Recipe!));
                    screen.ShowStatus(null);
                    screen.Line(Markup.Escape($"report: {ReportPath}"));
                }
            }
            catch (OperationCanceledException) when (interruption.HasCome)
            {
                screen.ShowStatus(null);
                isInterrupted = true;
            }
        }

        if (isInterrupted)
        {
            string[] missing = [.. evaluation is null ? ["not evaluated"] : Array.Empty<string>(), .. ReportPath is null ? Array.Empty<string>() : ["no report"]];
            screen.Line($"[yellow]interrupted: {string.Join(", ", missing)}[/]");
            if (checkpoints is not null)
            {
                screen.Line("the same command goes on from here");
            }
        }

        if (WritesJson)
        {
            Output.Write(new
            {
                Model = ModelPath,
                Interrupted = isInterrupted,
                Epochs = classifier.Model.TrainingHistory,
                Evaluation = evaluation?.ToResult(),
                Digest = WritesDigest ? model.Digest : null,
                Ranks = _ranks.Size,
                BytesSentPerStep = steps == 0 ? 0 : _ranks.BytesSent / steps,
            });
        }
        else if (WritesDigest)
        {
            screen.Line($"digest: {model.Digest}");
        }

        return isInterrupted ? ExitCode.Interrupted : ExitCode.Done;
    }

    private static Evaluation Evaluate(Screen screen, PictureModel model, PictureSet test, TrainingData data)
    {
        screen.ShowStatus(() => " evaluating …");
        Evaluation evaluation = model.Evaluate(test);
        screen.ShowStatus(null);
        evaluation.Show(screen, data.TestsOnValidation ? "held-back " : "test ", [.. data.TestsOnValidation ? [$"these pictures also {ChosenByValidation}"] : Array.Empty<string>(), .. TrainingNotes.NotInTable(model.Classifier.Model.Classifier)]);
        return evaluation;
    }

    private void SaveReport(string path, KfacImageClassificationTransformer classifier, TrainingData data, IEnumerable<KeyValuePair<string, string>> choices)
    {
        string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Folder));
        TrainingReport.Create(classifier, data.Test!.Rows, new TrainingReportOptions
        {
            Title = $"Training on {name}",
            IsValidationData = data.TestsOnValidation,
            Threads = Threads,
            Facts =
            [
                KeyValuePair.Create("Pictures", name),
                KeyValuePair.Create("Trained on", Pictures(data.Training)),
                KeyValuePair.Create("Evaluated on", $"{Pictures(data.Test)}, {(data.TestsOnValidation ? $"held back; they also {ChosenByValidation}" : "never trained on")}"),
                .. choices,
            ],
        }).Save(path);

        static string Pictures(PictureSet set) => Plural.Pictures(set.Count);
    }

    /// <summary>The words that a bit of the trained model depends on.</summary>
    private Dictionary<string, string> Words(PictureModel? previous) => new()
    {
        ["--from"] = previous is null ? "none" : $"{Path.GetFileName(PreviousPath)} ({previous.Digest[..8]})",
        ["--freeze"] = FrozenLayers.Equals(^1) ? "all" : FrozenLayers.ToString(),
        ["--epochs"] = Epochs == 0 ? Default : Epochs.ToString(CultureInfo.InvariantCulture),
        ["--size"] = Size?.ToString(CultureInfo.InvariantCulture) ?? Default,
        ["--optimizer"] = OptimizerName,
        ["--augmentation"] = Augmentation?.ToString() ?? Default,
        ["--thorough"] = Thorough ? "yes" : "no",
        ["--average-shifted"] = AverageShifted ? "yes" : "no",
        ["--seed"] = Seed.ToString(CultureInfo.InvariantCulture),
        ["--validation"] = Validation?.ToString(CultureInfo.InvariantCulture) ?? Default,
    };

    /// <summary>The words with the values that were chosen where none was given.</summary>
    private static IEnumerable<KeyValuePair<string, string>> Choices(Dictionary<string, string> words, TrainingData data, TrainingRecipe chosen) =>
        words.Select(word => word.Value != Default ? word : KeyValuePair.Create(word.Key, word.Key switch
        {
            "--epochs" => chosen.Epochs.ToString(CultureInfo.InvariantCulture),
            "--augmentation" => chosen.Augmentation,
            "--size" => $"{data.Training.Width} x {data.Training.Height}",
            "--validation" => data.Validation is { } apart ? Plural.Pictures(apart.Count) : data.ValidationFraction.ToString(CultureInfo.InvariantCulture),
            _ => word.Value,
        }));

    private KfacImageClassificationTransformer Fit(MLContext mlContext, TrainingData data, KfacImageClassificationTransformer? previous, CheckpointOptions? checkpoints, Action<KfacImageClassificationMetrics> told, CancellationToken cancellation, out IDataView trained)
    {
        ITransformer keys = PictureModel.CreateKeys(mlContext, data.Training.ClassNames, data.Training.Rows);
        trained = keys.Transform(data.Training.Rows);
        bool validates = data.Validation is not null || data.ValidationFraction > 0;
        KfacImageClassificationTrainer trainer = mlContext.MulticlassClassification.Trainers.KfacImageClassification(new KfacImageClassificationTrainer.Options
        {
            FeatureColumnName = nameof(ImageRow.Image),
            ImageShape = previous?.Model.Network.Input ?? new ImageShape(data.Training.Height, data.Training.Width, data.Training.Channels),
            FrozenLayers = FrozenLayers,
            Optimizer = Optimizer,
            Epoch = Epochs,
            Augmentation = Augmentation,
            Thorough = Thorough,
            AverageShifted = AverageShifted,
            Seed = Seed,
            Threads = Threads,
            Communicator = _ranks,
            ValidationSetFraction = (float)data.ValidationFraction,
            // Never stops early, but keeps the best epoch.
            EarlyStoppingCriteria = validates ? new EarlyStopping(Patience: int.MaxValue, Metric: EarlyStoppingMetric.Loss) : null,
            OnCancellation = CancellationOutcome.KeepBest,
            CancellationToken = cancellation,
            CheckpointPath = CheckpointPath,
            CheckpointEvery = CheckpointEvery,
            MetricsCallback = told,
        });
        try
        {
            return trainer.Fit(trained, data.Validation is null ? null : keys.Transform(data.Validation.Rows), previous);
        }
        catch (ArgumentException refusal) when (checkpoints is not null && refusal.ParamName == nameof(TrainingOptions.CheckpointPath))
        {
            throw checkpoints.Explain(refusal);
        }
        catch (IOException refusal) when (checkpoints is not null && refusal.Message.StartsWith(nameof(TrainingOptions.CheckpointPath), StringComparison.Ordinal))
        {
            throw new IOException($"--checkpoint{refusal.Message[nameof(TrainingOptions.CheckpointPath).Length..]}", refusal);
        }
        catch (ArgumentException refusal)
        {
            throw new ArgumentException(TrainerWords.Translate(refusal), refusal);
        }
    }
}
