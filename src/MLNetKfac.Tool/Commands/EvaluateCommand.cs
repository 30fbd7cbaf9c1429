using System.CommandLine;
using Kfac.Parallel;
using Microsoft.ML;
using MLNetKfac.Tool.Data;
using MLNetKfac.Tool.Models;
using MLNetKfac.Tool.Terminal;

namespace MLNetKfac.Tool.Commands;

/// <summary><c>kfac evaluate MODEL DIR</c>.</summary>
internal static class EvaluateCommand
{
    public static Command Create()
    {
        Argument<FileInfo> model = CommonOptions.Model();
        Argument<DirectoryInfo> folder = CommonOptions.Folder();
        Option<bool> json = CommonOptions.Json();
        Command command = new("evaluate", "Says how well a model classifies a folder of pictures: accuracy, log-loss and which classes it confuses.") { model, folder, json };
        command.SetAction(arguments => ExitCode.Of(() => Run(arguments.GetValue(model)!.FullName, arguments.GetValue(folder)!.FullName, arguments.GetValue(json))));
        return command;
    }

    private static int Run(string modelPath, string folder, bool json)
    {
        MLContext mlContext = new();
        using Screen screen = new(json ? Console.Error : Console.Out);
        screen.ShowWarningsOf(mlContext);
        PictureModel model = PictureModel.Load(mlContext, modelPath);
        PictureSet pictures = new PictureFolder(mlContext, folder, _ => { }, Communicator.Solo).ReadForEvaluation(model.ImageSize.Height, model.ImageSize.Width);
        Evaluation evaluation = model.Evaluate(pictures);
        evaluation.Show(screen);
        if (json)
        {
            Output.Write(evaluation.ToResult());
        }

        return ExitCode.Done;
    }
}
