using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Kfac.Images;
using Kfac.Optimizers;
using Kfac.Training;

namespace MLNetKfac.Tool.Commands;

/// <summary><c>kfac train DIR --model FILE</c>.</summary>
internal static class TrainCommand
{
    private static readonly Dictionary<string, Func<OptimizerOptions>> Optimizers = new()
    {
        ["kfac"] = () => new KfacOptions(),
        ["muon"] = () => new MuonOptions(),
        ["adam"] = () => new AdamOptions(),
        ["sgd"] = () => new SgdOptions(),
    };

    /// <summary>Largest side of a picture to train on.</summary>
    private const int MaxSize = 8192;

    public static Command Create()
    {
        Argument<DirectoryInfo> folder = CommonOptions.Folder();
        Option<FileInfo> model = new("--model") { Description = "Where to save the model.", Required = true };
        Option<int?> epochs = NumberOption.Create<int>("--epochs", value => value >= 1, "a whole number, at least 1", "Passes over the training pictures. [default: chosen by the pictures: 10, or 12 to 80 for photographs, the more the fewer they are]");
        Option<int?> size = NumberOption.Create<int>("--size", value => value is >= 1 and <= MaxSize, $"a whole number of pixels, 1 to {MaxSize}", "Side in pixels of the square that pictures are resized to. [default: the median of the pictures, at most 64]");
        Option<string> optimizer = new("--optimizer") { Description = "The optimizer.", DefaultValueFactory = _ => "kfac" };
        optimizer.AcceptOnlyFromAmong([.. Optimizers.Keys]);
        Option<FileInfo?> from = new("--from") { Description = "Go on from this model: its network, weights and image size. Where the classes are others, its last layer begins anew." };
        Option<Index?> freeze = new("--freeze")
        {
            Description = "With --from, how many of the first layers keep their weights, or 'all' for all but the last. [default: 0]",
            CustomParser = ParseLayers,
        };
        Option<AugmentationOptions?> augmentation = new("--augmentation")
        {
            Description = "Random changes of the training pictures with their sizes, as in 'shift 0.125, horizontal flip, cutmix 1'; none for none. [default: chosen by the pictures]",
            CustomParser = ParseAugmentation,
        };
        Option<bool> thorough = new("--thorough") { Description = "For photographs: twice the epochs, where --epochs leaves them open, and --average-shifted. A little more accurate, with a lower log-loss." };
        Option<bool> averageShifted = new("--average-shifted") { Description = "Average the predictions of slightly moved pictures, too: more accurate, and three times as slow to predict." };
        Option<int?> seed = NumberOption.Create<int>("--seed", _ => true, $"a whole number from {int.MinValue} to {int.MaxValue}", "Seed of everything random; the same seed and pictures give the same model. [default: 1]");
        Option<int?> threads = NumberOption.Threads();
        Option<double?> validation = NumberOption.Create<double>("--validation", value => value is >= 0 and < 1, "a number from 0 to below 1 with a decimal point, such as 0.2", "Share of each class's pictures to hold back, never trained on: they show how the training goes and choose the epoch that is kept. [default: 0.2, or 0.1 where there are test pictures]");
        Option<DirectoryInfo?> checkpoint = new("--checkpoint") { Description = "Write checkpoints to this folder. The same command, started again, goes on from the last one and gives the model of an uninterrupted training." };
        Option<CheckpointInterval?> checkpointEvery = new("--checkpoint-every") { Description = "How often to write one: seconds, minutes, hours or epochs, such as 90s, 2m, 1h or 3e. [default: 1e]", CustomParser = CheckpointEvery.Parse };
        Option<FileInfo?> log = new("--log") { Description = "Write a line of JSON for each epoch to this file." };
        Option<FileInfo?> report = new("--report") { Description = "Write a report to this HTML file: learning curves, confusion matrix, worst mistakes, calibration and more, in one page that needs no network." };
        Option<bool> digest = new("--digest") { Description = "End with a line 'digest: ' and the SHA-256 of network and weights, by which trainings can be compared." };
        Option<bool> json = CommonOptions.Json();
        Command command = new("train", "Trains a small convolutional network on a folder of pictures, saves it and evaluates it.")
        {
            folder, model, epochs, size, from, freeze, optimizer, augmentation, thorough, averageShifted, seed, threads, validation, checkpoint, checkpointEvery, log, report, digest, json,
        };
        from.Validators.Add(result => CommonOptions.RequireFile(result, from.Name));
        command.Validators.Add(result =>
        {
            if (result.GetResult(checkpointEvery) is not null && result.GetResult(checkpoint) is null)
            {
                result.AddError($"{checkpointEvery.Name} needs {checkpoint.Name}, the folder to write to");
            }

            if (result.GetResult(freeze) is not null && result.GetResult(from) is null)
            {
                result.AddError($"{freeze.Name} needs {from.Name}, the model whose layers keep their weights");
            }

            if (result.GetResult(size) is not null && result.GetResult(from) is not null)
            {
                result.AddError($"{size.Name} and {from.Name} do not go together: the model has its image size");
            }

            OutputFile.RequireDistinct(result, model, log, report, checkpoint);
            OutputFile.RequireDistinct(result, from, log, report, checkpoint);
        });
        command.SetAction(arguments => ExitCode.Of(() => new TrainingSession
        {
            Folder = arguments.GetValue(folder)!.FullName,
            ModelPath = arguments.GetValue(model)!.FullName,
            Epochs = arguments.GetValue(epochs) ?? 0,
            Size = arguments.GetValue(size),
            PreviousPath = arguments.GetValue(from)?.FullName,
            FrozenLayers = arguments.GetValue(freeze) ?? default,
            OptimizerName = arguments.GetValue(optimizer)!,
            Optimizer = Optimizers[arguments.GetValue(optimizer)!](),
            Augmentation = arguments.GetValue(augmentation),
            Thorough = arguments.GetValue(thorough),
            AverageShifted = arguments.GetValue(averageShifted),
            Seed = arguments.GetValue(seed) ?? 1,
            Threads = arguments.GetValue(threads) ?? 0,
            Validation = arguments.GetValue(validation),
            CheckpointPath = arguments.GetValue(checkpoint)?.FullName,
            CheckpointEvery = arguments.GetValue(checkpointEvery) ?? CheckpointInterval.Epochs(1),
            LogPath = arguments.GetValue(log)?.FullName,
            ReportPath = arguments.GetValue(report)?.FullName,
            WritesDigest = arguments.GetValue(digest),
            WritesJson = arguments.GetValue(json),
        }.Run()));
        return command;
    }

    private static AugmentationOptions? ParseAugmentation(ArgumentResult result)
    {
        try
        {
            return AugmentationOptions.Parse(result.Tokens[^1].Value);
        }
        catch (ArgumentException refusal)
        {
            result.AddError($"--augmentation: {ExitCode.MessageOf(refusal).Replace("Augmentation.", "", StringComparison.Ordinal)}");
            return null;
        }
    }

    private static Index? ParseLayers(ArgumentResult result)
    {
        string text = result.Tokens[^1].Value;
        if (text == "all")
        {
            return ^1;
        }

        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int count))
        {
            return count;
        }

        result.AddError($"--freeze must be a number of layers, 0 or more, or 'all', but is '{text}'");
        return null;
    }
}
