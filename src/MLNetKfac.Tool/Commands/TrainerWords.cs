using System.Text.RegularExpressions;
using Kfac.Training;
using Microsoft.ML;
using MLNetKfac.Tool.Terminal;
using Spectre.Console;

namespace MLNetKfac.Tool.Commands;

/// <summary>What the trainer chose where the options leave it open, by the line that it writes to the log.</summary>
internal sealed partial class TrainerWords
{
    /// <summary>Options of the trainer that a value on the command line can put out of range.</summary>
    private static readonly Dictionary<string, string> Options = new()
    {
        [nameof(TrainingOptions.FrozenLayers)] = "--freeze",
        [nameof(TrainingOptions.Augmentation)] = "--augmentation",
    };

    private Match _recipe = Match.Empty;

    /// <summary>Shows the line on the screen as soon as the trainer writes it.</summary>
    public TrainerWords(MLContext mlContext, Screen screen) => mlContext.Log += (_, message) =>
    {
        if (Recipe().Match(message.RawMessage) is { Success: true } match)
        {
            _recipe = match;
            screen.Line(Markup.Escape(match.Value));
            screen.Line();
        }
    };

    /// <summary>Number of epochs.</summary>
    public string Epochs => _recipe.Groups["epochs"].Value;

    public string Augmentation => _recipe.Groups["augmentation"].Value;

    /// <summary>The trainer's refusal of an option, by the option's name on the command line.</summary>
    public static string Translate(ArgumentException refusal)
    {
        string message = ExitCode.MessageOf(refusal);
        return refusal.ParamName is { } name && Options.TryGetValue(name, out string? option) ? message.Replace(name, option, StringComparison.Ordinal) : message;
    }

    [GeneratedRegex("^recipe: (?<epochs>[0-9]+) epochs?, augmentation (?<augmentation>.*), label smoothing .*$")]
    private static partial Regex Recipe();
}
