using Spectre.Console;

namespace OptimizerComparison;

/// <summary>The outcomes side by side: in the terminal, and as the cells of the page's table.</summary>
internal static class ResultTable
{
    public static void Show(IReadOnlyList<Contestant> contestants)
    {
        Table table = new Table().Border(TableBorder.Rounded);
        foreach (string heading in Headings(contestants))
        {
            table.AddColumn(table.Columns.Count == 0 ? new TableColumn(heading) : new TableColumn(heading).RightAligned());
        }

        foreach (Contestant contestant in contestants)
        {
            table.AddRow([.. Cells(contestant, contestants)]);
        }

        AnsiConsole.Write(table);
    }

    public static IReadOnlyList<string> Headings(IReadOnlyList<Contestant> contestants)
    {
        string target = $"{Outcome.CommonTarget(contestants):P1}";
        return ["optimizer", "test accuracy", "test log-loss", "training", "per epoch", $"epochs to {target}", $"seconds to {target}"];
    }

    public static IReadOnlyList<string> Cells(Contestant contestant, IReadOnlyList<Contestant> contestants)
    {
        double target = Outcome.CommonTarget(contestants);
        return
        [
            contestant.Name,
            contestant.Describe(outcome => outcome.Metrics.MicroAccuracy, value => $"{value:P2}"),
            contestant.Describe(outcome => outcome.Metrics.LogLoss, value => $"{value:F3}"),
            contestant.Describe(outcome => outcome.Seconds, value => $"{value:F1} s"),
            contestant.Describe(outcome => outcome.Seconds / outcome.Epochs.Count, value => $"{value:F2} s"),
            // There is one: the target is an accuracy that every training reached.
            contestant.Describe(outcome => outcome.FirstAt(target)!.Epoch, value => $"{value:0.#}"),
            contestant.Describe(outcome => outcome.FirstAt(target)!.Seconds, value => $"{value:F1} s"),
        ];
    }
}
