using System.Globalization;
using System.Text;

namespace Microsoft.ML.Data;

/// <summary>How many rows of each class were predicted as each class.</summary>
public sealed class ConfusionMatrix
{
    private readonly string[] _classNames;

    internal ConfusionMatrix(double[][] counts, string[] classNames)
    {
        Counts = counts;
        _classNames = classNames;
        PerClassPrecision = [.. counts.Select((row, label) => Fraction(row[label], counts.Sum(other => other[label])))];
        PerClassRecall = [.. counts.Select((row, label) => Fraction(row[label], row.Sum()))];
    }

    /// <summary>Of the rows predicted as a class, the fraction that are of it.</summary>
    public IReadOnlyList<double> PerClassPrecision { get; }

    /// <summary>Of the rows of a class, the fraction that are predicted as it.</summary>
    public IReadOnlyList<double> PerClassRecall { get; }

    /// <summary>Counts[true class][predicted class].</summary>
    public IReadOnlyList<IReadOnlyList<double>> Counts { get; }

    public int NumberOfClasses => Counts.Count;

    public double GetCountForClassPair(int predictedClassIndicatorIndex, int actualClassIndicatorIndex)
    {
        RequireClass(predictedClassIndicatorIndex, nameof(predictedClassIndicatorIndex));
        RequireClass(actualClassIndicatorIndex, nameof(actualClassIndicatorIndex));
        return Counts[actualClassIndicatorIndex][predictedClassIndicatorIndex];
    }

    /// <summary>The matrix as text: a line per true class, a column per predicted class, then recall and precision.</summary>
    public string GetFormattedConfusionTable()
    {
        int nameWidth = _classNames.Append("true \\ predicted").Max(name => name.Length);
        int[] widths = [.. _classNames.Select((name, column) => Counts.Select(row => Format(row[column])).Append(name).Append("0.0000").Max(text => text.Length))];
        var table = new StringBuilder();
        AppendLine(table, "true \\ predicted", nameWidth, _classNames, widths, "recall");
        for (int label = 0; label < NumberOfClasses; label++)
        {
            AppendLine(table, _classNames[label], nameWidth, Counts[label].Select(Format), widths, FormatFraction(PerClassRecall[label]));
        }

        AppendLine(table, "precision", nameWidth, PerClassPrecision.Select(FormatFraction), widths, "");
        return table.ToString();
    }

    private static double Fraction(double part, double whole) => whole > 0 ? part / whole : 0;

    private static string Format(double count) => count.ToString("0.##", CultureInfo.InvariantCulture);

    private static string FormatFraction(double fraction) => fraction.ToString("0.0000", CultureInfo.InvariantCulture);

    private static void AppendLine(StringBuilder table, string name, int nameWidth, IEnumerable<string> cells, int[] widths, string last)
    {
        IEnumerable<string> padded = cells.Select((cell, column) => cell.PadLeft(widths[column]));
        table.AppendLine($"{name.PadRight(nameWidth)} | {string.Join(" ", padded)} | {last}".TrimEnd());
    }

    private void RequireClass(int index, string parameter)
    {
        if ((uint)index >= (uint)NumberOfClasses)
        {
            throw new ArgumentOutOfRangeException(parameter, index, $"There are {NumberOfClasses} classes.");
        }
    }
}
