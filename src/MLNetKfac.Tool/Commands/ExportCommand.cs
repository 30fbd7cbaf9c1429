using System.CommandLine;
using Microsoft.ML;
using MLNetKfac.Tool.Models;
using MLNetKfac.Tool.Terminal;
using Spectre.Console;

namespace MLNetKfac.Tool.Commands;

/// <summary><c>kfac export MODEL FILE.onnx</c>.</summary>
internal static class ExportCommand
{
    public static Command Create()
    {
        Argument<FileInfo> model = CommonOptions.Model();
        Argument<FileInfo> file = new("FILE") { Description = "The ONNX file to write." };
        Command command = new("export", "Writes a model as an ONNX file.") { model, file };
        command.Validators.Add(result => OutputFile.RequireDistinct(result, model, file));
        command.SetAction(arguments => ExitCode.Of(() => Run(arguments.GetValue(model)!.FullName, arguments.GetValue(file)!.FullName)));
        return command;
    }

    private static int Run(string modelPath, string path)
    {
        OutputFile.Require("FILE", path);
        using Screen screen = new(Console.Out);
        KfacImageClassificationTransformer classifier = PictureModel.Load(new MLContext(), modelPath).Classifier;
        classifier.ExportToOnnx(path);
        string colours = classifier.Model.Network.Input.Channels switch { 1 => ", grey", 3 => ", red, green, blue", _ => "" };
        screen.Line(Markup.Escape($"written: {path} ({new FileInfo(path).Length / 1e6:F1} MB)"));
        screen.Line(Markup.Escape($"input    {classifier.FeatureColumnName}: {classifier.Model.Network.Input} values 0 … 255 by {classifier.Layout}{colours}"));
        screen.Line(Markup.Escape($"outputs  {classifier.ScoreColumnName}: {classifier.Model.ClassCount} probabilities; {classifier.PredictedLabelColumnName}: the most probable class, from 0"));
        return ExitCode.Done;
    }
}
