using System.CommandLine;
using Kfac.Audit;
using Kfac.Images;
using Microsoft.ML;
using MLNetKfac.Tool.Data;
using MLNetKfac.Tool.Models;
using MLNetKfac.Tool.Terminal;
using Spectre.Console;

namespace MLNetKfac.Tool.Commands;

/// <summary><c>kfac audit MODEL DIR</c>.</summary>
internal static class AuditCommand
{
    /// <summary>Those of the sample and as many to try steps on.</summary>
    private const int MaxPictures = 256;

    public static Command Create()
    {
        Argument<FileInfo> model = CommonOptions.Model();
        Argument<DirectoryInfo> folder = CommonOptions.Folder();
        Option<bool> full = new("--full") { Description = "Show all that was measured, in lines of 150 columns." };
        Command command = new("audit", "Measures how well approximations of the Fisher information serve each layer of a model, and advises on them.") { model, folder, full };
        command.SetAction(arguments => ExitCode.Of(() => Run(arguments.GetValue(model)!.FullName, arguments.GetValue(folder)!.FullName, arguments.GetValue(full))));
        return command;
    }

    private static int Run(string modelPath, string folder, bool full)
    {
        MLContext mlContext = new(seed: 1);
        using Screen screen = new(Console.Out);
        screen.ShowWarningsOf(mlContext);
        screen.ShowStatus(() => " measuring …");
        PictureModel model = PictureModel.Load(mlContext, modelPath);
        PictureSet pictures = new PictureFolder(mlContext, folder, _ => { }).ReadForEvaluation(model.ImageSize.Height, model.ImageSize.Width);
        MemoryImageSource sample = model.Sample(pictures, MaxPictures);
        CurvatureReport report = CurvatureAudit.Run(model.Classifier.Model.Classifier, sample);
        screen.ShowStatus(null);
        if (full)
        {
            report.WriteTable(Console.Out);
            return ExitCode.Done;
        }

        screen.Line($"Curvature of {report.Examples} pictures of {sample.Count}, mean loss {report.Loss:G4}");
        screen.Line();
        screen.Line("[bold]layer          parameters   eff. rank   approximation   damping   of exact step[/]");
        foreach (LayerCurvature layer in report.Layers)
        {
            BlockCurvature? chosen = layer.Blocks.FirstOrDefault(block => block.Approximation == layer.Approximation && block.RequestedDamping == layer.Damping);
            string share = chosen is null ? "-" : $"{100 * chosen.ShareOfExactDecrease:F0} %";
            screen.Line(Markup.Escape($"{layer.Layer,-14} {layer.Parameters,10:N0}  {layer.EffectiveRank,10:G3}   {layer.Approximation?.ToString() ?? "-",-13} {layer.Damping?.ToString("G2") ?? "-",9}   {share,13}"));
        }

        screen.Line();
        foreach (LayerCurvature layer in report.Layers)
        {
            screen.Line(Markup.Escape($"{layer.Layer}: {layer.Advice}"));
        }

        screen.Line();
        screen.Line(Markup.Escape("eff. rank: trace over largest eigenvalue of the exact Fisher information"));
        screen.Line(Markup.Escape("of exact step: how much of the exact inverse's decrease of the loss is reached"));
        screen.Line(Markup.Escape("--full shows every approximation and damping, and what each step was worth"));
        return ExitCode.Done;
    }
}
