using Kfac.Models;
using MLNetKfac.Tool.Data;
using MLNetKfac.Tool.Models;
using MLNetKfac.Tool.Terminal;
using Spectre.Console;

namespace MLNetKfac.Tool.Commands;

/// <summary>What the command says of a training beside its figures.</summary>
internal static class TrainingNotes
{
    /// <summary>Writes the classes, the numbers of pictures and how they are used.</summary>
    public static void Describe(Screen screen, TrainingData data, PictureModel? previous, IEnumerable<string> remarks)
    {
        PictureSet training = data.Training;
        string validation = data.Validation is { } apart ? $", {apart.Count:N0} held back" : data.ValidationFraction > 0 ? $", {data.ValidationFraction:P0} of them held back" : "";
        string test = data.Test is { } other && !data.TestsOnValidation ? $", {other.Count:N0} for the test" : "";
        screen.Line(Markup.Escape($"{training.ClassNames.Count} classes ({Classes.List(training.ClassNames, 60)}), {Plural.Pictures(training.Count)} to train on{validation}{test}"));
        if (previous is not null && !previous.ClassNames.SequenceEqual(training.ClassNames))
        {
            screen.Line($"the classes are others than the {previous.ClassNames.Count} of the model: its last layer begins anew");
        }

        if (previous is not null && data.DrawsValidation)
        {
            screen.Line("unless DIR and --seed are those that the model was trained with, it may know some of the held-back pictures, and their figures are too good then");
        }

        foreach (string remark in remarks)
        {
            screen.Line(Markup.Escape(remark));
        }
    }

    /// <summary>Why the evaluation is better than the table of epochs.</summary>
    public static string[] NotInTable(ImageClassifier model)
    {
        string[] added = [.. model.AveragesMirrored ? ["mirror images"] : Array.Empty<string>(), .. model.AveragesShifted ? ["moved images"] : Array.Empty<string>(), .. model.Temperature != 1 ? ["the temperature"] : Array.Empty<string>()];
        return added.Length == 0 ? [] : [$"the table of epochs is without {string.Join(" and ", added)}"];
    }

    /// <summary>Which epoch's weights the model has.</summary>
    public static string Kept(KfacImageClassificationTransformer classifier, PictureModel? previous, bool isInterrupted)
    {
        // Those of the model that it went on from are part of the history, but not to choose from.
        EpochReport[] history = [.. classifier.Model.TrainingHistory.Except(previous?.Classifier.Model.TrainingHistory ?? [])];
        EpochReport? best = history.Where(epoch => epoch.ValidationLoss is not null).MinBy(epoch => epoch.ValidationLoss);
        return best is null
            ? isInterrupted ? "as it was after the last step" : "as it was after the last epoch"
            : $"as it was after epoch {best.Epoch}, the best so far by the loss of the held-back pictures";
    }
}
