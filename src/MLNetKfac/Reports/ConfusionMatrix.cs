namespace MLNetKfac.Reports;

/// <summary>How many pictures of each class were taken for which: a table of numbers for few classes, a map for many.</summary>
internal static class ConfusionMatrix
{
    /// <summary>Columns of numbers that a page has room for.</summary>
    private const int MaxColumns = 16;

    /// <summary>Confusions listed in words.</summary>
    private const int MaxListed = 20;

    private const int Cell = 13, LongestName = 16;

    /// <summary>The deepest colour that text is readable on.</summary>
    private const double MaxDepth = 0.4;

    public static Html Write(TestResult result) => Html.Of($"""
        <p>A row is what a picture shows, a column what it was taken for. The deeper a cell, the larger its share of the row.</p>
        <div class="scroll" role="group" tabindex="0" aria-label="Confusion matrix">{(result.ClassNames.Count <= MaxColumns ? Table(result) : Map(result))}</div>
        {Listed(result)}
        """);

    private static Html Table(TestResult result) => Html.Of($"""
        <table class="confusion"><caption class="hidden">Rows: what a picture shows. Columns: what it was taken for.</caption>
        <thead><tr><td></td>{result.ClassNames.Select(name => Html.Of($"""<th scope="col"><span>{name}</span></th>"""))}</tr></thead>
        <tbody>{result.Confusion.Select((row, label) => Html.Of($"""<tr><th scope="row">{result.ClassNames[label]}</th>{row.Select((count, predicted) => CellOf(count, row.Sum(), label == predicted))}</tr>"""))}</tbody></table>
        """);

    private static Html CellOf(int count, int all, bool isRight) => count == 0
        ? Html.Of($"""<td class="none">0</td>""")
        : Html.Of($"""<td class="{Kind(isRight)}" style="--d:{100 * MaxDepth * Depth(count, all):F0}%">{count}</td>""");

    /// <summary>Mistakes are few: by the root they show beside the diagonal.</summary>
    private static double Depth(int count, int all) => Math.Sqrt((double)count / all);

    private static Html Map(TestResult result)
    {
        int names = LongestName * 7, side = result.ClassNames.Count * Cell;
        IEnumerable<Html> labels = result.ClassNames.Select((name, number) => Html.Of(
            $"""<text class="tick" x="{names - 5}" y="{names + (number + 1) * Cell - 3}" text-anchor="end">{Short(name)}</text><text class="tick" transform="translate({names + (number + 1) * Cell - 3} {names - 5}) rotate(-90)">{Short(name)}</text><line class="grid" x1="{names}" x2="{names + side}" y1="{names + (number + 1) * Cell}" y2="{names + (number + 1) * Cell}"/><line class="grid" y1="{names}" y2="{names + side}" x1="{names + (number + 1) * Cell}" x2="{names + (number + 1) * Cell}"/>"""));
        IEnumerable<Html> cells = result.Confusion.SelectMany((row, label) => row.Select((count, predicted) => (count, predicted)).Where(cell => cell.count > 0).Select(cell => Html.Of(
            $"""<rect class="{Kind(label == cell.predicted)}" x="{names + cell.predicted * Cell + 1}" y="{names + label * Cell + 1}" width="{Cell - 1}" height="{Cell - 1}" fill-opacity="{0.25 + 0.75 * Depth(cell.count, row.Sum()):F2}"><title>{result.ClassNames[label]} taken for {result.ClassNames[cell.predicted]}: {cell.count} of {row.Sum()}</title></rect>""")));
        return Html.Of($"""<svg class="map" width="{names + side + 4}" height="{names + side + 4}" viewBox="0 0 {names + side + 4} {names + side + 4}" role="img" aria-label="Confusion matrix of {result.ClassNames.Count} classes; the table of classes has its figures">{labels}{cells}</svg>""");
    }

    private static Html Listed(TestResult result)
    {
        (int Count, int All, int Label, int Predicted)[] confusions =
        [
            .. result.Confusion.SelectMany((row, label) => row.Select((count, predicted) => (Count: count, All: row.Sum(), Label: label, Predicted: predicted)))
                .Where(cell => cell.Count > 0 && cell.Label != cell.Predicted).OrderByDescending(cell => cell.Count),
        ];
        return confusions.Length == 0 ? Html.Of($"<p>No picture was taken for one of another class.</p>") : Html.Of($"""
            <details{(result.ClassNames.Count > MaxColumns ? new Html(" open=\"\"") : Html.Nothing)}><summary>Most frequent confusions</summary><ol>
            {confusions.Take(MaxListed).Select(cell => Html.Of($"<li><b>{result.ClassNames[cell.Label]}</b> taken for <b>{result.ClassNames[cell.Predicted]}</b>: {cell.Count} of {cell.All} ({(double)cell.Count / cell.All:P1})</li>"))}
            </ol></details>
            """);
    }

    private static string Kind(bool isRight) => isRight ? "right" : "wrong";

    private static string Short(string name) => name.Length <= LongestName ? name : name[..(LongestName - 1)] + "…";
}
