using Spectre.Console;

namespace OptimizerComparison;

/// <summary>The outcomes side by side: in the terminal, and as the cells of the page's table.</summary>
internal static class ResultTable
{
    public static void Show(IReadOnlyList<Outcome> outcomes)
    {
        Table table = new Table().Border(TableBorder.Rounded);
        foreach (string heading in Headings(outcomes))
        {
            table.AddColumn(table.Columns.Count == 0 ? new TableColumn(heading) : new TableColumn(heading).RightAligned());
        }

        foreach (Outcome outcome in outcomes)
        {
            table.AddRow([.. Cells(outcome, outcomes)]);
        }

        AnsiConsole.Write(table);
    }

    public static IReadOnlyList<string> Headings(IReadOnlyList<Outcome> outcomes)
    {
        string target = $"{Outcome.CommonTarget(outcomes):P1}";
        return ["optimizer", "test accuracy", "test log-loss", "training", "per epoch", $"epochs to {target}", $"seconds to {target}"];
    }

    public static IReadOnlyList<string> Cells(Outcome outcome, IReadOnlyList<Outcome> outcomes)
    {
        // There is one: the target is an accuracy that every training reached.
        Kfac.Models.EpochReport reached = outcome.FirstAt(Outcome.CommonTarget(outcomes))!;
        return
        [
            outcome.Name,
            $"{outcome.Metrics.MicroAccuracy:P2}",
            $"{outcome.Metrics.LogLoss:F3}",
            $"{outcome.Seconds:F1} s",
            $"{outcome.Seconds / outcome.Epochs.Count:F2} s",
            $"{reached.Epoch}",
            $"{reached.Seconds:F1} s",
        ];
    }
}
