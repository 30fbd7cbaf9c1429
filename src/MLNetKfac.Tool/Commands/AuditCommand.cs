using System.CommandLine;
using Kfac.Audit;
using Kfac.Curvature;
using Kfac.Images;
using Kfac.Networks;
using Kfac.Parallel;
using Microsoft.ML;
using MLNetKfac.Tool.Data;
using MLNetKfac.Tool.Models;
using MLNetKfac.Tool.Terminal;
using Spectre.Console;

namespace MLNetKfac.Tool.Commands;

/// <summary><c>kfac audit MODEL DIR</c>.</summary>
internal static class AuditCommand
{
    /// <summary>Bounds of the pictures that are taken where none are asked for.</summary>
    private const int MinPictures = 6, MaxPictures = 128;

    /// <summary>Multiply-adds that two cores do in about a minute.</summary>
    private const double MinuteOfTwoCores = 5e12;

    /// <summary>About how many times the pictures go through the network for a layer.</summary>
    private const int PassesForLayer = 125;

    /// <summary>What is measured unless all is asked for: enough for a choice.</summary>
    private static readonly CurvatureAuditOptions Short = new()
    {
        Approximations = [FisherApproximation.Diagonal, FisherApproximation.Kronecker, FisherApproximation.Ekfac, FisherApproximation.Full],
        Vectors = 1,
        MaxProducts = 6,
    };

    public static Command Create()
    {
        Argument<FileInfo> model = CommonOptions.Model();
        Argument<DirectoryInfo> folder = CommonOptions.Folder();
        Option<int?> pictures = NumberOption.Create<int>("--pictures", value => value >= 1, "a whole number, at least 1", "Pictures to measure on; as many others try the steps. [default: as many as take about a minute on two cores, 6 to 128]");
        Option<int?> threads = NumberOption.Threads();
        Option<bool> full = new("--full") { Description = "Measure every approximation to more digits, which takes much longer, and show all of it, in lines of 150 columns." };
        Command command = new("audit", "Measures how well approximations of the Fisher information serve each layer of a model, and advises on them.") { model, folder, pictures, threads, full };
        command.SetAction(arguments => ExitCode.Of(() => Run(
            arguments.GetValue(model)!.FullName, arguments.GetValue(folder)!.FullName, arguments.GetValue(pictures), arguments.GetValue(threads) ?? 0, arguments.GetValue(full))));
        return command;
    }

    private static int Run(string modelPath, string folder, int? pictures, int threads, bool full)
    {
        MLContext mlContext = new(seed: 1);
        using Screen screen = new(Console.Out);
        screen.ShowWarningsOf(mlContext);
        screen.ShowStatus(() => " reading …");
        PictureModel model = PictureModel.Load(mlContext, modelPath);
        NetworkSpec network = model.Classifier.Model.Network;
        int examples = pictures ?? DefaultPictures(network), measured = 0, layers = network.Summarize().Count(layer => layer.Parameters > 0);
        MemoryImageSource sample = model.Sample(new PictureFolder(mlContext, folder, _ => { }, Communicator.Solo).ReadForEvaluation(model.ImageSize.Height, model.ImageSize.Width), 2 * examples);
        screen.ShowStatus(() => $" measuring, {measured} of {layers} layers …");
        screen.Line("[bold]layer          parameters   eff. rank   approximation   damping   of exact step[/]");
        CurvatureReport report = CurvatureAudit.Run(model.Classifier.Model.Classifier, sample, (full ? new CurvatureAuditOptions() : Short) with
        {
            Examples = examples,
            Threads = threads,
            OnLayer = layer =>
            {
                measured++;
                Show(screen, layer);
            },
        });
        screen.ShowStatus(null);
        screen.Line();
        if (full)
        {
            report.WriteTable(Console.Out);
            return ExitCode.Done;
        }

        foreach (LayerCurvature layer in report.Layers)
        {
            screen.Line(Markup.Escape(layer.Advice));
        }

        screen.Line();
        screen.Line(Markup.Escape($"measured on {Plural.Pictures(report.Examples)}, mean loss {report.Loss:G4}; --pictures takes more"));
        screen.Line(Markup.Escape("eff. rank: trace over largest eigenvalue of the exact Fisher information"));
        screen.Line(Markup.Escape("of exact step: how much of the exact inverse's decrease of the loss is reached"));
        screen.Line(Markup.Escape("--full shows every approximation and damping, and what each step was worth"));
        return ExitCode.Done;
    }

    private static int DefaultPictures(NetworkSpec network)
    {
        IReadOnlyList<LayerSummary> layers = network.Summarize();
        double forOne = (double)PassesForLayer * layers.Count(layer => layer.Parameters > 0) * layers.Sum(layer => layer.MultiplyAdds);
        return (int)Math.Clamp(MinuteOfTwoCores / Math.Max(1, forOne), MinPictures, MaxPictures);
    }

    private static void Show(Screen screen, LayerCurvature layer)
    {
        BlockCurvature? chosen = layer.Blocks.FirstOrDefault(block => block.Approximation == layer.Approximation && block.RequestedDamping == layer.Damping);
        string share = chosen is null ? "-" : $"{100 * chosen.ShareOfExactDecrease:F0} %";
        screen.Line(Markup.Escape($"{layer.Layer,-14} {layer.Parameters,10:N0}  {layer.EffectiveRank,10:G3}   {layer.Approximation?.ToString() ?? "-",-13} {layer.Damping?.ToString("G2") ?? "-",9}   {share,13}"));
    }
}
