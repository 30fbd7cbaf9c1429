namespace MLNetKfac.Reports;

/// <summary>Precision, recall and F1 of each class.</summary>
internal static class ClassTable
{
    public static Html Write(TestResult result)
    {
        Figures[] classes = [.. result.ClassNames.Select((name, number) => Figures.Of(result.Confusion, number))];
        Figures[] present = [.. classes.Where(figures => figures.Pictures > 0)];
        return Html.Of($"""
            <p>Precision: share of what was taken for the class that is of it. Recall: share of the class's pictures that were found. F1: their harmonic mean.</p>
            <div class="scroll" role="group" tabindex="0" aria-label="Classes"><table class="classes">
            <thead><tr><th scope="col">class</th><th scope="col">pictures</th><th scope="col">precision</th><th scope="col">recall</th><th scope="col">F1</th></tr></thead>
            <tbody>{result.ClassNames.Select((name, number) => Row(Html.Of($"{name}"), classes[number]))}</tbody>
            <tfoot>{Row(Html.Of($"mean of the classes"), new Figures(result.Count, Mean(present, figures => figures.Precision), Mean(present, figures => figures.Recall), Mean(present, figures => figures.F1)))}</tfoot>
            </table></div>
            """);
    }

    /// <summary>The mean over classes that have pictures; a class that nothing was taken for has a precision of 0.</summary>
    private static double Mean(Figures[] present, Func<Figures, double> value) => present.Average(figures => double.IsNaN(value(figures)) ? 0 : value(figures));

    private static Html Row(Html name, Figures figures) =>
        Html.Of($"""<tr><th scope="row">{name}</th><td>{figures.Pictures:N0}</td>{Cell(figures.Precision)}{Cell(figures.Recall)}{Cell(figures.F1)}</tr>""");

    private static Html Cell(double share) => double.IsNaN(share) ? Html.Of($"<td>–</td>") : Html.Of($"""<td class="bar" style="--p:{100 * share:F1}%">{share:P1}</td>""");

    /// <summary>The figures of a class; NaN where they are 0 / 0.</summary>
    internal sealed record Figures(int Pictures, double Precision, double Recall, double F1)
    {
        /// <param name="confusion">[is, was taken for] numbers of pictures.</param>
        /// <param name="number">The class.</param>
        public static Figures Of(int[][] confusion, int number)
        {
            int found = confusion[number][number], pictures = confusion[number].Sum(), taken = confusion.Sum(row => row[number]);
            return new Figures(pictures, (double)found / taken, (double)found / pictures, 2.0 * found / (pictures + taken));
        }
    }
}
