using System.Net;
using System.Text;
using Kfac.Memory;
using Microsoft.ML.Data;

namespace OptimizerComparison.Report;

/// <summary>Matrices and filters as SVG, each cell a square.</summary>
internal static class Pictures
{
    private const int Cell = 11, Gap = 7, FiltersInRow = 16;

    /// <summary>Rows are what a test image is, columns what it was taken for; the deeper a cell, the larger its share of the row.</summary>
    public static string Confusion(ConfusionMatrix matrix, IReadOnlyList<string> classNames)
    {
        const int Side = 42, Left = 92, Top = 78;
        int classes = classNames.Count, width = Left + classes * Side + 8, height = Top + classes * Side + 4;
        StringBuilder svg = new($"""<svg class="confusion" viewBox="0 0 {width} {height}" role="img" aria-label="confusion matrix">""");
        for (int actual = 0; actual < classes; actual++)
        {
            string name = WebUtility.HtmlEncode(classNames[actual]);
            double middle = (actual + 0.5) * Side, total = matrix.Counts[actual].Sum();
            svg.Append($"""<text class="tick" x="{Left - 8}" y="{Top + middle + 4}" text-anchor="end">{name}</text>""");
            svg.Append($"""<text class="tick" transform="translate({Left + middle + 3} {Top - 8}) rotate(-50)">{name}</text>""");
            for (int predicted = 0; predicted < classes; predicted++)
            {
                double count = matrix.Counts[actual][predicted], share = total > 0 ? count / total : 0;
                // Errors are few: the root lets them show beside the diagonal.
                string kind = predicted == actual ? "right" : "wrong", ink = share > 0.4 ? "deep" : "";
                svg.Append($"""<rect class="{kind}" x="{Left + predicted * Side}" y="{Top + actual * Side}" width="{Side - 2}" height="{Side - 2}" fill-opacity="{Math.Sqrt(share):F3}"/>""");
                svg.Append($"""<text class="count {ink}" x="{Left + (predicted + 0.5) * Side - 1}" y="{Top + middle + 4}" text-anchor="middle">{count}<title>{name} taken for {WebUtility.HtmlEncode(classNames[predicted])}: {share:P1}</title></text>""");
            }
        }

        return svg.Append("</svg>").ToString();
    }

    /// <summary>The filters' weights, from minus to plus the largest: one colour below zero, another above.</summary>
    public static string Filters(Parameter filter)
    {
        float largest = filter.Values.ToArray().Max(Math.Abs);
        return Grid(filter, "weight", value => (value < 0 ? "minus" : "plus", Math.Abs(value) / largest), filter.Values.ToArray())
            + Scale("minus", $"−{largest:F2}", "plus", $"+{largest:F2}");
    }

    /// <summary>A number of 0 or more for each weight, by its logarithm, from the largest down to the least or a thousandth.</summary>
    public static string Fisher(Parameter filter, float[] diagonal)
    {
        const double MaxDecades = 3;
        float largest = diagonal.Max();
        double decades = Math.Clamp(Math.Log10(largest / diagonal.Min()), 0.1, MaxDecades);
        return Grid(filter, "Fisher", value => ("fisher", Math.Clamp(1 + Math.Log10(value / largest) / decades, 0, 1)), diagonal)
            + Scale("fisher", $"{largest:0.0e+0}", null, $"{largest / Math.Pow(10, decades):0.0e+0}{(decades == MaxDecades ? " or less" : "")}");
    }

    /// <summary>The first input channel of every filter of [R, S, C, K], <see cref="FiltersInRow"/> in a row.</summary>
    private static string Grid(Parameter filter, string what, Func<float, (string Kind, double Depth)> paint, float[] values)
    {
        (int rows, int columns, int channels, int filters) = (filter.Shape[0], filter.Shape[1], filter.Shape[2], filter.Shape[3]);
        int across = columns * Cell + Gap, down = rows * Cell + Gap;
        StringBuilder svg = new($"""<svg class="filters" viewBox="0 0 {Math.Min(filters, FiltersInRow) * across} {(filters + FiltersInRow - 1) / FiltersInRow * down}" role="img" aria-label="{what} of {filters} filters">""");
        for (int k = 0; k < filters; k++)
        {
            for (int r = 0; r < rows; r++)
            {
                for (int s = 0; s < columns; s++)
                {
                    float value = values[(r * columns + s) * channels * filters + k];
                    (string kind, double depth) = paint(value);
                    svg.Append($"""<rect class="{kind}" x="{k % FiltersInRow * across + s * Cell}" y="{k / FiltersInRow * down + r * Cell}" width="{Cell - 0.5}" height="{Cell - 0.5}" fill-opacity="{depth:F3}"><title>filter {k + 1}, row {r + 1}, column {s + 1}: {what} {value:G3}</title></rect>""");
                }
            }
        }

        return svg.Append("</svg>").ToString();
    }

    /// <summary>What the colours mean: full at either end, nothing in the middle; or, with one colour only, nothing at the right end.</summary>
    private static string Scale(string left, string leftText, string? right, string rightText)
    {
        const int Steps = 24;
        StringBuilder svg = new();
        for (int i = 0; i < Steps; i++)
        {
            double place = (i + 0.5) / Steps, depth = right is null ? 1 - place : Math.Abs(1 - 2 * place);
            svg.Append($"""<rect class="{(right is not null && place > 0.5 ? right : left)}" x="{i * 6}" width="6" height="10" fill-opacity="{depth:F3}"/>""");
        }

        return $"""<p class="scale">{leftText} <svg viewBox="0 0 {Steps * 6} 10">{svg}</svg> {rightText}</p>""";
    }
}
