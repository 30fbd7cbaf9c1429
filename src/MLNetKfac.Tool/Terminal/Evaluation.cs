using Spectre.Console;

namespace MLNetKfac.Tool.Terminal;

/// <summary>What a model makes of labelled pictures, in a width of text.</summary>
/// <param name="ClassNames">The classes.</param>
/// <param name="Counts">[is, was taken for] numbers of pictures.</param>
/// <param name="LogLoss">Mean cross-entropy in nats.</param>
internal sealed record Evaluation(IReadOnlyList<string> ClassNames, int[][] Counts, double LogLoss)
{
    /// <summary>A matrix beyond this is a sea of dots.</summary>
    private const int MaxMatrix = 16;

    private const int MaxName = 20;

    private int Pictures => Counts.Sum(row => row.Sum());

    private double Accuracy => Counts.Select((row, actual) => (double)row[actual]).Sum() / Pictures;

    /// <summary>The figures for programs.</summary>
    public EvaluationResult ToResult() => new(Pictures, Accuracy, LogLoss, ClassNames, Counts);

    /// <summary>Writes accuracy, log-loss and how many of each class were taken for which.</summary>
    /// <param name="screen">Where to write.</param>
    /// <param name="kind">What kind of pictures they are.</param>
    /// <param name="notes">What is to be known of the figures.</param>
    public void Show(Screen screen, string kind = "", params IEnumerable<string> notes)
    {
        int digits = Math.Max(2, $"{Counts.SelectMany(row => row).Max()}".Length);
        screen.Line();
        screen.Line($"[bold]{Plural.Pictures(Pictures, kind)}: accuracy {100 * Accuracy:F1} %[/], log-loss {LogLoss:F3}");
        foreach (string note in notes)
        {
            screen.Line(note);
        }

        screen.Line();
        int nameWidth = Math.Min(MaxName, ClassNames.Max(name => name.Length));
        if (ClassNames.Count <= MaxMatrix && 5 + nameWidth + ClassNames.Count * (digits + 1) + 9 <= screen.Width)
        {
            ShowMatrix(screen, nameWidth, digits);
        }
        else
        {
            ShowConfusions(screen, nameWidth);
        }
    }

    /// <summary>A row for what a picture is, a numbered column for what it was taken for.</summary>
    private void ShowMatrix(Screen screen, int nameWidth, int digits)
    {
        screen.Line($"[grey]{"is",-3}{new string(' ', nameWidth + 1)}{string.Concat(Counts.Select((_, number) => $" {(number + 1).ToString().PadLeft(digits)}"))}   recall[/]");
        for (int actual = 0; actual < Counts.Length; actual++)
        {
            IEnumerable<string> cells = Counts[actual].Select((count, predicted) =>
            {
                string cell = $" {(count == 0 ? "·" : $"{count}").PadLeft(digits)}";
                return count == 0 ? $"[grey]{cell}[/]" : predicted == actual ? $"[green]{cell}[/]" : $"[red]{cell}[/]";
            });
            screen.Line($"[grey]{actual + 1,2}[/] {Name(actual, nameWidth)} {string.Concat(cells)}  {Recall(actual)}");
        }
    }

    /// <summary>A row for each class with the classes that it is most often taken for.</summary>
    private void ShowConfusions(Screen screen, int nameWidth)
    {
        screen.Line($"[grey]{"class".PadRight(nameWidth)} pictures   recall  precision  taken for[/]");
        for (int actual = 0; actual < Counts.Length; actual++)
        {
            int taken = Counts.Sum(row => row[actual]), pictures = Counts[actual].Sum();
            string precision = taken == 0 ? "-" : $"{100.0 * Counts[actual][actual] / taken:F0} %";
            string start = $"{Name(actual, nameWidth)} {pictures,8} {Recall(actual)} {precision,10}  ";
            screen.Line($"{start}[red]{Mistakes(actual, screen.Width - nameWidth - 1 - 8 - 1 - 7 - 1 - 10 - 2 - 1)}[/]");
        }
    }

    /// <summary>The most frequent mistakes that fit.</summary>
    private string Mistakes(int actual, int width)
    {
        string text = "";
        foreach ((int count, int predicted) in Counts[actual].Select((count, predicted) => (count, predicted)).Where(cell => cell.count > 0 && cell.predicted != actual).OrderByDescending(cell => cell.count))
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

    private string Recall(int actual) =>
        (Counts[actual].Sum() == 0 ? "-" : $"{100.0 * Counts[actual][actual] / Counts[actual].Sum():F0} %").PadLeft(7);

    private string Name(int number, int width) => Markup.Escape(Short(ClassNames[number]).PadRight(width));

    private static string Short(string name) => name.Length <= MaxName ? name : name[..(MaxName - 1)] + "…";
}

/// <summary>An evaluation as JSON has it.</summary>
/// <param name="Pictures">Number of pictures.</param>
/// <param name="Accuracy">Share classified correctly, 0 … 1.</param>
/// <param name="LogLoss">Mean cross-entropy in nats.</param>
/// <param name="Classes">Names of the classes.</param>
/// <param name="Confusion">[is, was taken for] numbers of pictures.</param>
internal sealed record EvaluationResult(int Pictures, double Accuracy, double LogLoss, IReadOnlyList<string> Classes, int[][] Confusion);
