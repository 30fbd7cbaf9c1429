using System.CommandLine;
using Kfac.Audit;
using Kfac.Models;
using Kfac.Networks;
using Microsoft.ML;
using MLNetKfac.Tool.Models;
using MLNetKfac.Tool.Terminal;
using Spectre.Console;

namespace MLNetKfac.Tool.Commands;

/// <summary><c>kfac inspect MODEL</c>.</summary>
internal static class InspectCommand
{
    public static Command Create()
    {
        Argument<FileInfo> model = CommonOptions.Model();
        Option<bool> json = CommonOptions.Json();
        Command command = new("inspect", "Shows a model's layers, their shapes, parameters, multiply-adds and Fisher blocks, its classes and its training.") { model, json };
        command.SetAction(arguments => ExitCode.Of(() => Run(arguments.GetValue(model)!.FullName, arguments.GetValue(json))));
        return command;
    }

    private static int Run(string modelPath, bool json)
    {
        using Screen screen = new(json ? Console.Error : Console.Out);
        PictureModel model = PictureModel.Load(new MLContext(), modelPath);
        NetworkSpec network = model.Classifier.Model.Network;
        ImageClassifier classifier = model.Classifier.Model.Classifier;
        if (json)
        {
            IReadOnlyDictionary<string, string> blocks = FisherBlocks.Of(network);
            Output.Write(new
            {
                Input = network.Input.ToString(),
                Classes = model.ClassNames,
                Layers = network.Summarize().Select(layer => new { layer.Name, layer.Settings, Output = layer.Output.ToString(), layer.Parameters, layer.MultiplyAdds, FisherBlock = blocks.GetValueOrDefault(layer.Name) }),
                classifier.Temperature,
                classifier.AveragesMirrored,
                classifier.AveragesShifted,
                classifier.Recipe,
                History = model.Classifier.Model.TrainingHistory,
                model.Digest,
            });
            return ExitCode.Done;
        }

        screen.Line(Markup.Escape($"images of {network.Input} in column '{model.Classifier.FeatureColumnName}', {model.ClassNames.Count} classes:"));
        screen.Line(Markup.Escape(string.Join(", ", model.ClassNames)));
        screen.Line();
        foreach (string line in LayerTable.Lines(network, screen.MaxLength))
        {
            screen.Line(Markup.Escape(line));
        }

        screen.Line(FormattableString.Invariant($"probabilities: softmax at a temperature of {classifier.Temperature:0.###}, scores of the picture{(classifier.AveragesShifted ? ", moved a little" : "")}{(classifier.AveragesMirrored ? ", mirrored" : "")}"));
        if (classifier.Recipe is { } recipe)
        {
            screen.Line(Markup.Escape($"recipe: {recipe}"));
        }

        screen.Line();
        foreach (EpochReport epoch in model.Classifier.Model.TrainingHistory)
        {
            screen.Line(Markup.Escape(epoch.ToString()));
        }

        screen.Line();
        screen.Line($"digest: {model.Digest}");
        return ExitCode.Done;
    }
}
