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
        IReadOnlyDictionary<string, string> blocks = FisherBlocks.Of(network);
        if (json)
        {
            Output.Write(new
            {
                Input = network.Input.ToString(),
                Classes = model.ClassNames,
                Layers = network.Summarize().Select(layer => new { layer.Name, layer.Settings, Output = layer.Output.ToString(), layer.Parameters, layer.MultiplyAdds, FisherBlock = blocks.GetValueOrDefault(layer.Name) }),
                classifier.Temperature,
                classifier.AveragesMirrored,
                classifier.AveragesShifted,
                History = model.Classifier.Model.TrainingHistory,
                model.Digest,
            });
            return ExitCode.Done;
        }

        IReadOnlyList<LayerSummary> layers = network.Summarize();
        screen.Line(Markup.Escape($"images of {network.Input} in column '{model.Classifier.FeatureColumnName}', {model.ClassNames.Count} classes:"));
        screen.Line(Markup.Escape(string.Join(", ", model.ClassNames)));
        screen.Line();
        screen.Line("[bold]layer         settings           output parameters multiply-adds Fisher block[/]");
        foreach (LayerSummary layer in layers)
        {
            string name = new string(' ', 2 * layer.Depth) + layer.Name;
            screen.Line(Markup.Escape($"{name,-13} {Short(layer.Settings, 15),-15} {layer.Output,9} {Number(layer.Parameters),10} {Number(layer.MultiplyAdds),13} {Block(blocks, layer.Name)}".TrimEnd()));
        }

        screen.Line(Markup.Escape($"{"in all",-39} {layers.Sum(layer => layer.Parameters),10:N0} {layers.Sum(layer => layer.MultiplyAdds),13:N0}"));
        screen.Line(FormattableString.Invariant($"probabilities: softmax at a temperature of {classifier.Temperature:0.###}, scores of the picture{(classifier.AveragesShifted ? ", moved a little" : "")}{(classifier.AveragesMirrored ? ", mirrored" : "")}"));
        screen.Line();
        foreach (EpochReport epoch in model.Classifier.Model.TrainingHistory)
        {
            screen.Line(Markup.Escape(epoch.ToString()));
        }

        screen.Line();
        screen.Line($"digest: {model.Digest}");
        return ExitCode.Done;
    }

    private static string Block(IReadOnlyDictionary<string, string> blocks, string layer) =>
        blocks.GetValueOrDefault(layer)?.Replace("FullyConnected", "") ?? "";

    private static string Number(long value) => value == 0 ? "" : $"{value:N0}";

    private static string Short(string text, int width) => text.Length <= width ? text : text[..(width - 1)] + "…";
}
