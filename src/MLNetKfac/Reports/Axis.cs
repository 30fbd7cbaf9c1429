using System.Globalization;

namespace MLNetKfac.Reports;

/// <summary>An axis of a chart: what it measures, its range, and where its ticks are.</summary>
/// <param name="Label">Quantity and unit.</param>
/// <param name="Scale">Factor from a value to the number that is shown: 100 for percent.</param>
/// <param name="Format">How that number is written.</param>
internal sealed record Axis(string Label, double Scale = 1, string Format = "0.###")
{
    private const int WantedTicks = 5;

    public IReadOnlyList<double> Ticks { get; private init; } = [];

    public double From { get; private init; }

    public double To { get; private init; } = 1;

    /// <summary>The axis over whole steps of 1, 2 or 5 times a power of ten that hold <paramref name="values"/>, finite ones.</summary>
    /// <param name="values">At least one.</param>
    /// <param name="isWhole">Whether there is nothing between two whole numbers.</param>
    public Axis Over(IReadOnlyCollection<double> values, bool isWhole = false)
    {
        double least = values.Min(), largest = Math.Max(values.Max(), least + Math.Max(1e-6, Math.Abs(least) * 1e-6));
        double rough = (largest - least) / WantedTicks, power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        double step = power * ((rough / power) switch { <= 1 => 1, <= 2 => 2, <= 5 => 5, _ => 10 });
        step = isWhole ? Math.Max(1, step) : step;
        double first = Math.Floor(least / step + 1e-9), last = Math.Ceiling(largest / step - 1e-9);
        return this with { From = first * step, To = last * step, Ticks = [.. Enumerable.Range(0, (int)(last - first) + 1).Select(i => (first + i) * step)] };
    }

    /// <summary>The same up to a value and no further.</summary>
    public Axis EndingAt(double value) => this with { To = value, Ticks = [.. Ticks.Where(tick => tick <= value + 1e-9)] };

    /// <summary>The value as a reader sees it.</summary>
    public string Text(double value) => (value * Scale).ToString(Format, CultureInfo.InvariantCulture);

    /// <summary>Where a value lies, 0 at the beginning and 1 at the end.</summary>
    public double Share(double value) => (value - From) / (To - From);
}
