using Kfac.Training;
using Microsoft.ML;
using MLNetKfac.Tool.Terminal;
using Spectre.Console;

namespace MLNetKfac.Tool.Commands;

/// <summary>What the trainer says, for a person at a command line.</summary>
internal static class TrainerWords
{
    /// <summary>Options of the trainer that a value on the command line can put out of range.</summary>
    private static readonly Dictionary<string, string> Options = new()
    {
        [nameof(TrainingOptions.FrozenLayers)] = "--freeze",
        [nameof(TrainingOptions.Augmentation)] = "--augmentation",
    };

    /// <summary>Shows the line of the log with the training's recipe, as soon as it is there.</summary>
    public static void ShowRecipe(MLContext mlContext, Screen screen) => mlContext.Log += (_, message) =>
    {
        if (message.RawMessage.StartsWith("recipe: ", StringComparison.Ordinal))
        {
            screen.Line(Markup.Escape(message.RawMessage));
            screen.Line();
        }
    };

    /// <summary>The trainer's refusal of an option, by the option's name on the command line.</summary>
    public static string Translate(ArgumentException refusal)
    {
        string message = ExitCode.MessageOf(refusal);
        if (refusal.ParamName == nameof(TrainingOptions.TrainingMemory))
        {
            return $"{message.Split(": ")[0].Replace(nameof(TrainingOptions.TrainingMemory), "this machine", StringComparison.Ordinal)}: make the pictures smaller by --size";
        }

        return refusal.ParamName is { } name && Options.TryGetValue(name, out string? option) ? message.Replace(name, option, StringComparison.Ordinal) : message;
    }
}
