namespace OptimizerComparison.Report;

/// <summary>An axis of a chart: what it measures, from where to where, and where its ticks are.</summary>
/// <param name="Label">Quantity and unit.</param>
/// <param name="Format">How a tick's value is written.</param>
internal sealed record Axis(string Label, Func<double, string> Format)
{
    private const int WantedTicks = 6;

    public IReadOnlyList<double> Ticks { get; private init; } = [];

    public double From { get; private init; }

    public double To { get; private init; }

    /// <summary>Whether equal distances are equal ratios.</summary>
    public bool IsLogarithmic { get; private init; }

    /// <summary>The axis over whole steps of 1, 2 or 5 times a power of ten that hold <paramref name="values"/>.</summary>
    public Axis Over(IReadOnlyCollection<double> values)
    {
        double least = values.Min(), most = Math.Max(values.Max(), least + 1e-9);
        double rough = (most - least) / WantedTicks, power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        double step = power * ((rough / power) switch { <= 1 => 1, <= 2 => 2, <= 5 => 5, _ => 10 });
        int first = (int)Math.Floor(least / step), last = (int)Math.Ceiling(most / step);
        return this with { From = first * step, To = last * step, Ticks = [.. Enumerable.Range(first, last - first + 1).Select(i => i * step)] };
    }

    /// <summary>The axis over 1, 2 and 5 times the powers of ten that hold the positive <paramref name="values"/>, in equal ratios.</summary>
    public Axis OverRatios(IReadOnlyCollection<double> values)
    {
        double[] steps = [.. from power in Enumerable.Range(-9, 12) from digit in (int[])[1, 2, 5] select digit * Math.Pow(10, power)];
        double from = steps.Last(step => step <= Math.Max(values.Min(), steps[0])), to = steps.First(step => step >= values.Max());
        return this with { From = from, To = to, IsLogarithmic = true, Ticks = [.. steps.Where(step => step >= from && step <= to)] };
    }

    /// <summary>Where a value lies, 0 at the beginning and 1 at the end.</summary>
    public double Place(double value) => IsLogarithmic ? Math.Log(value / From) / Math.Log(To / From) : (value - From) / (To - From);
}
