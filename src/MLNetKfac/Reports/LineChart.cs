namespace MLNetKfac.Reports;

/// <summary>A line of a chart.</summary>
/// <param name="Name">As in the legend.</param>
/// <param name="Style">Its class in the style sheet: colour and dashes.</param>
/// <param name="Points">From left to right.</param>
internal sealed record Curve(string Name, string Style, IReadOnlyList<(double X, double Y)> Points);

/// <summary>Curves in a coordinate system, as SVG.</summary>
internal static class LineChart
{
    public const int Width = 440, Height = 270;

    private const int Left = 54, Top = 10, Right = 14, Bottom = 44;

    /// <summary>More points than these are drawn as a line alone.</summary>
    private const int MaxMarks = 60;

    /// <param name="title">Of the figure.</param>
    /// <param name="x">The horizontal axis, its range set.</param>
    /// <param name="y">The vertical axis, its range set.</param>
    /// <param name="curves">What is drawn, at least one point of each.</param>
    public static Html Draw(string title, Axis x, Axis y, IReadOnlyList<Curve> curves)
    {
        string ends = string.Join("; ", curves.Select(curve => $"{curve.Name} from {y.Text(curve.Points[0].Y)} to {y.Text(curve.Points[^1].Y)}"));
        return Html.Of(
            $"""<svg class="chart" viewBox="0 0 {Width} {Height}" role="img" aria-label="{title}: {ends}">{Frame(x, y)}{curves.Select(curve => Draw(x, y, curve))}</svg>""");
    }

    /// <summary>Grid, ticks and names of the axes.</summary>
    public static Html Frame(Axis x, Axis y) => Html.Of($"""
        {y.Ticks.Select(tick => Html.Of($"""<line class="grid" x1="{Left}" x2="{Width - Right}" y1="{Down(y, tick):F1}" y2="{Down(y, tick):F1}"/><text class="tick" x="{Left - 7}" y="{Down(y, tick) + 4:F1}" text-anchor="end">{y.Text(tick)}</text>"""))}
        {x.Ticks.Select(tick => Html.Of($"""<line class="grid" x1="{Across(x, tick):F1}" x2="{Across(x, tick):F1}" y1="{Top}" y2="{Height - Bottom}"/><text class="tick" x="{Across(x, tick):F1}" y="{Height - Bottom + 17}" text-anchor="middle">{x.Text(tick)}</text>"""))}
        <text x="{(Left + Width - Right) / 2}" y="{Height - 6}" text-anchor="middle">{x.Label}</text>
        <text transform="translate(12 {(Top + Height - Bottom) / 2}) rotate(-90)" text-anchor="middle">{y.Label}</text>
        """);

    /// <summary>The names of the curves, each with a piece of its line.</summary>
    public static Html Legend(IEnumerable<Curve> curves) => Html.Of(
        $"""<p class="legend">{curves.Select(curve => Html.Of($"""<span><svg class="key" viewBox="0 0 40 12" aria-hidden="true"><line class="curve {curve.Style}" x1="2" x2="38" y1="6" y2="6"/><circle class="mark {curve.Style}" cx="20" cy="6" r="3"/></svg>{curve.Name}</span>"""))}</p>""");

    public static double Across(Axis x, double value) => Left + x.Share(value) * (Width - Left - Right);

    public static double Down(Axis y, double value) => Height - Bottom - y.Share(value) * (Height - Top - Bottom);

    private static Html Draw(Axis x, Axis y, Curve curve)
    {
        IEnumerable<Html> line = curve.Points.Select(point => Html.Of($"{Across(x, point.X):F1},{Down(y, point.Y):F1} "));
        IEnumerable<Html> marks = curve.Points.Count > MaxMarks ? [] : curve.Points.Select(point => Html.Of(
            $"""<circle class="mark {curve.Style}" cx="{Across(x, point.X):F1}" cy="{Down(y, point.Y):F1}" r="2.8"><title>{curve.Name}: {y.Text(point.Y)} at {x.Text(point.X)}</title></circle>"""));
        return Html.Of($"""<polyline class="curve {curve.Style}" points="{line}"/>{marks}""");
    }
}
