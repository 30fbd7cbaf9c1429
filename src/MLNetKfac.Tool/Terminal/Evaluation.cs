using Microsoft.ML.Data;
using Spectre.Console;

namespace MLNetKfac.Tool.Terminal;

/// <summary>What a model makes of labelled pictures, in a width of text.</summary>
/// <param name="ClassNames">The classes.</param>
/// <param name="Metrics">The figures, with the confusion matrix.</param>
internal sealed record Evaluation(IReadOnlyList<string> ClassNames, MulticlassClassificationMetrics Metrics)
{
    /// <summary>A matrix beyond this is a sea of dots.</summary>
    private const int MaxMatrix = 16;

    private const int MaxName = 20;

    private int[][] Counts => [.. Metrics.ConfusionMatrix.Counts.Select(row => row.Select(count => (int)count).ToArray())];

    /// <summary>The figures for programs.</summary>
    public EvaluationResult ToResult() => new(Counts.Sum(row => row.Sum()), Metrics.MicroAccuracy, Metrics.MacroAccuracy, Metrics.LogLoss, ClassNames, Counts);

    /// <summary>Writes accuracy, log-loss and how many of each class were taken for which.</summary>
    public void Show(Screen screen, string what)
    {
        int[][] counts = Counts;
        int all = counts.Sum(row => row.Sum()), digits = Math.Max(2, $"{counts.SelectMany(row => row).Max()}".Length);
        screen.Line();
        screen.Line($"[bold]{all:N0} {what}: accuracy {100 * Metrics.MicroAccuracy:F1} %[/], log-loss {Metrics.LogLoss:F3}");
        screen.Line();
        int nameWidth = Math.Min(MaxName, ClassNames.Max(name => name.Length));
        if (ClassNames.Count <= MaxMatrix && 5 + nameWidth + ClassNames.Count * (digits + 1) + 9 <= screen.Width)
        {
            ShowMatrix(screen, counts, nameWidth, digits);
        }
        else
        {
            ShowConfusions(screen, counts, nameWidth);
        }
    }

    /// <summary>A row for what a picture is, a numbered column for what it was taken for.</summary>
    private void ShowMatrix(Screen screen, int[][] counts, int nameWidth, int digits)
    {
        screen.Line($"[grey]{"is",-3}{new string(' ', nameWidth + 1)}{string.Concat(counts.Select((_, number) => $" {(number + 1).ToString().PadLeft(digits)}"))}   recall[/]");
        for (int actual = 0; actual < counts.Length; actual++)
        {
            IEnumerable<string> cells = counts[actual].Select((count, predicted) =>
            {
                string cell = $" {(count == 0 ? "·" : $"{count}").PadLeft(digits)}";
                return count == 0 ? $"[grey]{cell}[/]" : predicted == actual ? $"[green]{cell}[/]" : $"[red]{cell}[/]";
            });
            screen.Line($"[grey]{actual + 1,2}[/] {Name(actual, nameWidth)} {string.Concat(cells)}  {Recall(counts, actual)}");
        }
    }

    /// <summary>A row for each class with the classes that it is most often taken for.</summary>
    private void ShowConfusions(Screen screen, int[][] counts, int nameWidth)
    {
        screen.Line($"[grey]{"class".PadRight(nameWidth)} pictures   recall  precision  taken for[/]");
        for (int actual = 0; actual < counts.Length; actual++)
        {
            int taken = counts.Sum(row => row[actual]), pictures = counts[actual].Sum();
            string precision = taken == 0 ? "-" : $"{100.0 * counts[actual][actual] / taken:F0} %";
            string start = $"{Name(actual, nameWidth)} {pictures,8} {Recall(counts, actual)} {precision,10}  ";
            screen.Line($"{start}[red]{Mistakes(counts, actual, screen.Width - nameWidth - 1 - 8 - 1 - 7 - 1 - 10 - 2 - 1)}[/]");
        }
    }

    /// <summary>The most frequent mistakes that fit.</summary>
    private string Mistakes(int[][] counts, int actual, int width)
    {
        string text = "";
        foreach ((int count, int predicted) in counts[actual].Select((count, predicted) => (count, predicted)).Where(cell => cell.count > 0 && cell.predicted != actual).OrderByDescending(cell => cell.count))
        {
            string next = $"{(text.Length > 0 ? ", " : "")}{Short(ClassNames[predicted])} {count}";
            if (text.Length + next.Length > width)
            {
                return Markup.Escape(text.Length == 0 ? next[..Math.Max(0, width - 1)] + "…" : text + (text.Length < width - 1 ? ", …" : ""));
            }

            text += next;
        }

        return Markup.Escape(text);
    }

    private static string Recall(int[][] counts, int actual) =>
        (counts[actual].Sum() == 0 ? "-" : $"{100.0 * counts[actual][actual] / counts[actual].Sum():F0} %").PadLeft(7);

    private string Name(int number, int width) => Markup.Escape(Short(ClassNames[number]).PadRight(width));

    private static string Short(string name) => name.Length <= MaxName ? name : name[..(MaxName - 1)] + "…";
}

/// <summary>An evaluation as JSON has it.</summary>
/// <param name="Pictures">Number of pictures.</param>
/// <param name="Accuracy">Share classified correctly, 0 … 1.</param>
/// <param name="MacroAccuracy">Mean of the classes' shares.</param>
/// <param name="LogLoss">Mean cross-entropy in nats.</param>
/// <param name="Classes">Names of the classes.</param>
/// <param name="Confusion">[is, was taken for] numbers of pictures.</param>
internal sealed record EvaluationResult(int Pictures, double Accuracy, double MacroAccuracy, double LogLoss, IReadOnlyList<string> Classes, int[][] Confusion);
