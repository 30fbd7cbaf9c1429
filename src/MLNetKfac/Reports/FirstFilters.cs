using System.Globalization;
using Kfac.Audit;
using Kfac.Images;
using Kfac.Memory;
using Kfac.Models;

namespace MLNetKfac.Reports;

/// <summary>The filters of a first convolution and the Fisher information of their weights.</summary>
internal static class FirstFilters
{
    private const int MaxFilters = 64, MaxSide = 11, InRow = 8, Cell = 10, Gap = 6;

    /// <summary>Orders of magnitude that are told apart.</summary>
    private const double MaxDecades = 3;

    /// <summary>The filters of a network that begins with a convolution of a size that can be looked at; null for another.</summary>
    public static Parameter? Of(ImageClassifier classifier) =>
        classifier.Parameters.Count > 0 && classifier.Parameters[0] is { Shape: [<= MaxSide and > 1, <= MaxSide and > 1, _, _] } filters ? filters : null;

    public static Html Write(ImageClassifier classifier, Parameter filters, TestResult result, int threads)
    {
        MemoryImageSource sample = result.Sample();
        float[] diagonal = FisherDiagonal.Of(classifier, sample, threads)[0];
        int shown = Math.Min(MaxFilters, filters.Shape[3]);
        bool hasColours = filters.Shape[2] == 3, hasFisher = diagonal.Max() > 0;
        float largest = Math.Max(filters.Values.ToArray().Max(Math.Abs), float.Epsilon);
        string about = filters.Shape[3] > shown ? $"The first {shown} of {filters.Shape[3]} filters" : $"The {shown} filters";
        return Html.Of($"""
            <p>{about} of {filters.Name}{(filters.Shape[2] is 1 or 3 ? "" : $", as the mean of their {filters.Shape[2]} channels")}.{(hasFisher ? string.Create(CultureInfo.InvariantCulture, $" The Fisher information of their weights, over {sample.Count} {result.PicturesName}, is how far the predictions move when a weight moves.") : "")}</p>
            <div class="charts">
            <figure><figcaption>Weights, from −{largest:F2} to +{largest:F2}</figcaption>{Grid(filters, shown, "Weights of the first filters", (values, index) => hasColours ? Colour(values, index, largest) : Shade(Mean(values, index), largest), filters.Values.ToArray())}</figure>
            {(hasFisher ? Fisher(filters, shown, diagonal) : Html.Nothing)}
            </div>
            """);
    }

    private static Html Fisher(Parameter filters, int shown, float[] diagonal)
    {
        float largest = diagonal.Max();
        Html Paint(float[] values, int[] indices) => Html.Of($"""class="fisher" fill-opacity="{Math.Clamp(1 + Math.Log10(Mean(values, indices) / largest) / MaxDecades, 0.03, 1):F2}" """);
        return Html.Of($"<figure><figcaption>Fisher information, at most {largest:0.0e+0}, by its logarithm</figcaption>{Grid(filters, shown, "Fisher information of the first filters", Paint, diagonal)}</figure>");
    }

    /// <param name="filters">[R, S, C, K].</param>
    /// <param name="shown">How many of them.</param>
    /// <param name="label">What is shown.</param>
    /// <param name="paint">Attributes of a cell, by the values of its channels.</param>
    /// <param name="values">As many as the filters have weights.</param>
    private static Html Grid(Parameter filters, int shown, string label, Func<float[], int[], Html> paint, float[] values)
    {
        (int rows, int columns, int channels, int count) = (filters.Shape[0], filters.Shape[1], filters.Shape[2], filters.Shape[3]);
        int across = columns * Cell + Gap, down = rows * Cell + Gap;
        IEnumerable<Html> cells =
            from k in Enumerable.Range(0, shown)
            from r in Enumerable.Range(0, rows)
            from s in Enumerable.Range(0, columns)
            select Html.Of($"""<rect x="{k % InRow * across + s * Cell}" y="{k / InRow * down + r * Cell}" width="{Cell}" height="{Cell}" {paint(values, [.. Enumerable.Range(0, channels).Select(c => ((r * columns + s) * channels + c) * count + k)])}/>""");
        return Html.Of($"""<svg class="filters" viewBox="0 0 {Math.Min(shown, InRow) * across - Gap} {(shown + InRow - 1) / InRow * down - Gap}" role="img" aria-label="{label}">{cells}</svg>""");
    }

    private static float Mean(float[] values, int[] indices) => indices.Average(index => values[index]);

    private static Html Shade(float weight, float largest) => Html.Of($"""class="{(weight < 0 ? "minus" : "plus")}" fill-opacity="{Math.Abs(weight) / largest:F2}" """);

    private static Html Colour(float[] values, int[] indices, float largest)
    {
        int Level(int channel) => (int)Math.Round(127.5 + 127.5 * values[indices[channel]] / largest);
        return new Html(string.Create(CultureInfo.InvariantCulture, $"fill=\"rgb({Level(0)},{Level(1)},{Level(2)})\""));
    }
}
