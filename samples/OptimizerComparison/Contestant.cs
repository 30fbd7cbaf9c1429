using Kfac.Models;

namespace OptimizerComparison;

/// <summary>An optimizer and what came of each of its trainings, one for each seed.</summary>
internal sealed record Contestant(string Name, IReadOnlyList<Outcome> Runs)
{
    /// <summary>The run of the first seed, whose matrices and filters are shown.</summary>
    public Outcome First => Runs[0];

    /// <summary>For each epoch the least, the mean and the largest of a figure over the seeds, at the mean of <paramref name="x"/>.</summary>
    public IReadOnlyList<(double X, double Least, double Mean, double Most)> Band(Func<EpochReport, double> x, Func<EpochReport, double> y) =>
    [
        .. Enumerable.Range(0, Runs.Min(run => run.Epochs.Count)).Select(epoch =>
        {
            double[] values = [.. Runs.Select(run => y(run.Epochs[epoch]))];
            return (Runs.Average(run => x(run.Epochs[epoch])), values.Min(), values.Average(), values.Max());
        }),
    ];

    /// <summary>Mean of a figure over the seeds and, where there are several, half of its range.</summary>
    public string Describe(Func<Outcome, double> figure, Func<double, string> format)
    {
        double[] values = [.. Runs.Select(figure)];
        return Runs.Count == 1 ? format(values[0]) : $"{format(values.Average())} ± {format((values.Max() - values.Min()) / 2)}";
    }
}
