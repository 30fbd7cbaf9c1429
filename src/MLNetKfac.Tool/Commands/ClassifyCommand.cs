using System.CommandLine;
using Microsoft.ML;
using MLNetKfac.Tool.Models;
using MLNetKfac.Tool.Terminal;
using Spectre.Console;

namespace MLNetKfac.Tool.Commands;

/// <summary><c>kfac classify MODEL PICTURE…</c>.</summary>
internal static class ClassifyCommand
{
    private const int Shown = 3, BarLength = 20;

    public static Command Create()
    {
        Argument<FileInfo> model = CommonOptions.Model();
        Argument<string[]> pictures = new("PICTURE") { Description = "Pictures: JPEG, PNG, BMP, GIF or WebP.", Arity = ArgumentArity.OneOrMore };
        Option<bool> json = CommonOptions.Json();
        Command command = new("classify", "Says what pictures show.") { model, pictures, json };
        command.SetAction(arguments => ExitCode.Of(() => Run(arguments.GetValue(model)!.FullName, arguments.GetValue(pictures)!, arguments.GetValue(json))));
        return command;
    }

    private static int Run(string modelPath, string[] pictures, bool json)
    {
        MLContext mlContext = new();
        using Screen screen = new(json ? Console.Error : Console.Out);
        PictureModel model = PictureModel.Load(mlContext, modelPath);
        List<Classification> classified = [];
        foreach (Classification picture in model.Classify(pictures.SelectMany(Expand)))
        {
            classified.Add(picture);
            Show(screen, picture, model.ClassNames);
        }

        if (json)
        {
            Output.Write(classified.Select(picture => new
            {
                picture.Path,
                Label = picture.Probabilities is { } values ? model.ClassNames[Array.IndexOf(values, values.Max())] : null,
                Probabilities = picture.Probabilities?.Select((value, number) => (value, name: model.ClassNames[number])).ToDictionary(pair => pair.name, pair => pair.value),
                picture.Error,
            }));
        }

        return classified.Exists(picture => picture.Error is not null) ? ExitCode.Failed : ExitCode.Done;
    }

    /// <summary>The files that a pattern stands for, in ordinal order, where the shell leaves patterns to the command, as on Windows; else the path itself.</summary>
    private static IEnumerable<string> Expand(string path)
    {
        (string folder, string pattern) = (Path.GetDirectoryName(path) is { Length: > 0 } named ? named : ".", Path.GetFileName(path));
        if (pattern.AsSpan().IndexOfAny('*', '?') < 0 || File.Exists(path) || !Directory.Exists(folder))
        {
            return [path];
        }

        string[] files = [.. Directory.EnumerateFiles(folder, pattern).Order(StringComparer.Ordinal)];
        return files.Length > 0 ? files : [path];
    }

    private static void Show(Screen screen, Classification picture, IReadOnlyList<string> classNames)
    {
        if (picture.Probabilities is not { } probabilities)
        {
            ExitCode.Complain(picture.Error!);
            return;
        }

        screen.Line($"[bold]{Markup.Escape(picture.Path)}[/]");
        foreach ((float probability, string name) in probabilities.Zip(classNames).OrderByDescending(guess => guess.First).Take(Shown))
        {
            screen.Line($"{100 * probability,7:F1} % {ProgressBar.Of(probability, BarLength)} {Markup.Escape(name)}");
        }
    }
}
