using System.Text;

namespace OptimizerComparison.Report;

/// <summary>A line of a chart.</summary>
/// <param name="Name">As in the legend.</param>
/// <param name="Style">Its number, which the style sheet gives a colour and a dash pattern.</param>
/// <param name="Points">From left to right: the mean over the seeds, and between what they lie.</param>
internal sealed record Curve(string Name, int Style, IReadOnlyList<(double X, double Least, double Mean, double Most)> Points);

/// <summary>Curves in a coordinate system, as SVG; each point says its values when pointed at.</summary>
internal static class Chart
{
    private const int Width = 520, Height = 330, Left = 66, Top = 12, Right = 16, Bottom = 50;

    /// <param name="x">The horizontal axis, its range set.</param>
    /// <param name="y">The vertical axis, its range set.</param>
    /// <param name="curves">What is drawn.</param>
    public static string Draw(Axis x, Axis y, IEnumerable<Curve> curves)
    {
        StringBuilder svg = new($"""<svg class="chart" viewBox="0 0 {Width} {Height}" role="img" aria-label="{y.Label} against {x.Label}">""");
        foreach (double tick in y.Ticks)
        {
            double at = Down(y, tick);
            svg.Append($"""<line class="grid" x1="{Left}" x2="{Width - Right}" y1="{at:F1}" y2="{at:F1}"/><text class="tick" x="{Left - 8}" y="{at + 4:F1}" text-anchor="end">{y.Format(tick)}</text>""");
        }

        foreach (double tick in x.Ticks)
        {
            double at = Across(x, tick);
            svg.Append($"""<line class="grid" x1="{at:F1}" x2="{at:F1}" y1="{Top}" y2="{Height - Bottom}"/><text class="tick" x="{at:F1}" y="{Height - Bottom + 18}" text-anchor="middle">{x.Format(tick)}</text>""");
        }

        svg.Append($"""<text class="axis" x="{(Left + Width - Right) / 2}" y="{Height - 8}" text-anchor="middle">{x.Label}</text>""");
        svg.Append($"""<text class="axis" transform="translate(14 {(Top + Height - Bottom) / 2}) rotate(-90)" text-anchor="middle">{y.Label}</text>""");
        foreach (Curve curve in curves)
        {
            IEnumerable<string> upper = curve.Points.Select(point => $"{Across(x, point.X):F1},{Down(y, point.Most):F1}"), lower = curve.Points.Reverse().Select(point => $"{Across(x, point.X):F1},{Down(y, point.Least):F1}");
            svg.Append($"""<polygon class="band c{curve.Style}" points="{string.Join(' ', upper.Concat(lower))}"/>""");
            string points = string.Join(' ', curve.Points.Select(point => $"{Across(x, point.X):F1},{Down(y, point.Mean):F1}"));
            svg.Append($"""<polyline class="curve c{curve.Style}" points="{points}"/>""");
            foreach ((double px, double least, double py, double most) in curve.Points)
            {
                svg.Append($"""<circle class="point c{curve.Style}" cx="{Across(x, px):F1}" cy="{Down(y, py):F1}" r="3.2"><title>{curve.Name}: {y.Format(py)} ({y.Format(least)} to {y.Format(most)}) at {x.Format(px)}</title></circle>""");
            }
        }

        return svg.Append("</svg>").ToString();
    }

    /// <summary>The names of the curves, each with a chunk of its line.</summary>
    public static string Legend(IEnumerable<(string Name, int Style)> curves)
    {
        IEnumerable<string> entries = curves.Select(curve =>
            $"""<span><svg class="key" viewBox="0 0 44 12"><line class="curve c{curve.Style}" x1="2" x2="42" y1="6" y2="6"/><circle class="point c{curve.Style}" cx="22" cy="6" r="3.2"/></svg>{curve.Name}</span>""");
        return $"""<p class="legend">{string.Concat(entries)}</p>""";
    }

    private static double Across(Axis x, double value) => Left + x.Place(value) * (Width - Left - Right);

    private static double Down(Axis y, double value) => Height - Bottom - y.Place(value) * (Height - Top - Bottom);
}
