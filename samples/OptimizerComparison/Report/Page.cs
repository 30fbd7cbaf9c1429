using System.Net;
using Kfac.Models;

namespace OptimizerComparison.Report;

/// <summary>The outcomes as one HTML page that needs nothing else: no scripts, and its pictures inside.</summary>
internal static class Page
{
    public static string Write(string setting, IReadOnlyList<Contestant> contestants) => $"""
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>Optimizers compared</title>
        <style>{Style}</style>
        </head>
        <body>
        <h1>{Names(contestants)} on the same images</h1>
        <p>The same network ({contestants[0].First.Model.Parameters.Sum(parameter => parameter.Length):N0} parameters) and batches; each optimizer as it is set by default,
        with {contestants[0].Runs.Count} seeds, in turn. {WebUtility.HtmlEncode(setting)}.
        Seconds are of training alone: the look at the test images after each epoch is not counted, and decides nothing.</p>
        {Table(contestants)}
        <h2>Learning curves</h2>
        <p>A line is the mean over the seeds, and the band around it is where they lie.</p>
        {Chart.Legend(contestants.Select((contestant, style) => (contestant.Name, style)))}
        <div class="charts">
        {Curves("Test accuracy by epoch", contestants, ByEpoch, TestAccuracy)}
        {Curves("Test accuracy by training time", contestants, BySeconds, TestAccuracy)}
        {Curves("Test loss by epoch", contestants, ByEpoch, TestLoss)}
        {Curves("Test loss by training time", contestants, BySeconds, TestLoss)}
        {Curves("Training loss by epoch", contestants, ByEpoch, TrainingLoss)}
        {Curves("Training loss by training time", contestants, BySeconds, TrainingLoss)}
        </div>
        <h2>Which test images are taken for which</h2>
        <p>A row is what an image shows, a column what the model took it for. A cell is filled by the root of its share of the row.</p>
        <div class="wide">{string.Concat(contestants.Select(Confusion))}</div>
        <h2>The first layer</h2>
        <p>Its filters, and below each weight's entry of the Fisher diagonal over the first training images: how far the predictions move when that weight moves.
        A diagonal Fisher block divides a weight's gradient by a running estimate of this number plus the damping, so that sensitive weights make small steps and others large ones.
        Every cell says its number when pointed at.</p>
        <div class="wide">{string.Concat(contestants.Select(FirstLayer))}</div>
        </body>
        </html>
        """;

    private static readonly (Axis Axis, Func<EpochReport, double> Value) ByEpoch = (new Axis("epoch", value => $"{value:0.#}"), report => report.Epoch);
    private static readonly (Axis Axis, Func<EpochReport, double> Value) BySeconds = (new Axis("training time / s", value => $"{value:0.#}"), report => report.Seconds);
    private static readonly (Axis Axis, Func<EpochReport, double> Value) TestAccuracy = (new Axis("test accuracy / %", value => $"{100 * value:0.##}"), report => report.ValidationAccuracy!.Value);
    private static readonly (Axis Axis, Func<EpochReport, double> Value) TestLoss = (new Axis("test loss / nat", value => $"{value:G3}"), report => report.ValidationLoss!.Value);
    private static readonly (Axis Axis, Func<EpochReport, double> Value) TrainingLoss = (new Axis("training loss / nat", value => $"{value:G3}"), report => report.TrainingLoss);

    private static string Names(IReadOnlyList<Contestant> contestants) =>
        $"{string.Join(", ", contestants.SkipLast(1).Select(contestant => contestant.Name))} and {contestants[^1].Name}";

    private static string Table(IReadOnlyList<Contestant> contestants)
    {
        string headings = string.Concat(ResultTable.Headings(contestants).Select(heading => $"<th>{heading}</th>"));
        string rows = string.Concat(contestants.Select(contestant =>
            $"<tr>{string.Concat(ResultTable.Cells(contestant, contestants).Select(cell => $"<td>{cell}</td>"))}</tr>\n"));
        return $"""<div class="wide"><table><thead><tr>{headings}</tr></thead><tbody>{rows}</tbody></table></div>""";
    }

    private static string Curves(
        string title, IReadOnlyList<Contestant> contestants,
        (Axis Axis, Func<EpochReport, double> Value) x, (Axis Axis, Func<EpochReport, double> Value) y)
    {
        Curve[] curves = [.. contestants.Select((contestant, style) => new Curve(contestant.Name, style, contestant.Band(x.Value, y.Value)))];
        Axis across = x.Axis.Over([0, .. curves.SelectMany(curve => curve.Points).Select(point => point.X)]);
        double[] values = [.. curves.SelectMany(curve => curve.Points).SelectMany(point => (double[])[point.Least, point.Most])];
        Axis up = y == TestAccuracy ? y.Axis.Over(values) : y.Axis.OverRatios(values);
        return $"<figure><figcaption>{title}</figcaption>{Chart.Draw(across, up, curves)}</figure>";
    }

    private static string Confusion(Contestant contestant) =>
        $"<figure><figcaption>{contestant.Name}, seed 1: {contestant.First.Metrics.MicroAccuracy:P2} right</figcaption>{Pictures.Confusion(contestant.First.Metrics.ConfusionMatrix, contestant.First.Model.ClassNames!)}</figure>";

    private static string FirstLayer(Contestant contestant) => $"""
        <figure><figcaption>{contestant.Name}, seed 1: filters</figcaption>{Pictures.Filters(contestant.First.FirstLayer)}
        <figcaption>{contestant.Name}, seed 1: Fisher diagonal</figcaption>{Pictures.Fisher(contestant.First.FirstLayer, contestant.First.FirstLayerFisher)}</figure>
        """;

    private const string Style = """

        :root { color-scheme: light dark; --paper: #fdfdfc; --ink: #1d2126; --faint: #5d6670; --line: #dfe2e6;
          --c0: #0b66c3; --c1: #c2410c; --c2: #15803d; --c3: #86198f; --right: #0b66c3; --wrong: #c2410c; --minus: #0b66c3; --plus: #c2410c; --fisher: #6d28d9; }
        @media (prefers-color-scheme: dark) { :root { --paper: #14171a; --ink: #e8eaed; --faint: #a0a8b1; --line: #31373d;
          --c0: #66b2ff; --c1: #ff9a62; --c2: #6bd08c; --c3: #e39bf0; --right: #4d9df0; --wrong: #ff8a4c; --minus: #66b2ff; --plus: #ff9a62; --fisher: #b794ff; } }
        body { background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1160px; padding: 0 1.25rem; }
        h1 { font-size: 1.7rem; line-height: 1.2; } h2 { font-size: 1.25rem; margin-top: 2.5rem; } p { max-width: 48rem; }
        table { border-collapse: collapse; font-variant-numeric: tabular-nums; } th { color: var(--faint); font-weight: 600; }
        th, td { border-bottom: 1px solid var(--line); padding: .4rem .7rem; text-align: right; } td { white-space: nowrap; } th:first-child, td:first-child { text-align: left; padding-left: 0; font-weight: 600; }
        figure { margin: 0; } figcaption { font-weight: 600; margin: .8rem 0 .4rem; }
        .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 1rem 2rem; }
        .wide { display: flex; flex-wrap: wrap; gap: 1rem 2.5rem; overflow-x: auto; }
        .wide figure { flex: 0 1 530px; }
        svg { display: block; width: 100%; height: auto; } .filters { margin: .3rem 0; }
        text { fill: var(--ink); font: 13px system-ui, sans-serif; } .tick { fill: var(--faint); font-size: 12.5px; }
        .grid { stroke: var(--line); } .curve { fill: none; stroke-width: 2.4; stroke-linejoin: round; } .point { stroke: none; } .band { fill-opacity: .15; }
        .band.c0 { fill: var(--c0); } .band.c1 { fill: var(--c1); } .band.c2 { fill: var(--c2); } .band.c3 { fill: var(--c3); }
        .curve.c0 { stroke: var(--c0); } .curve.c1 { stroke: var(--c1); stroke-dasharray: 8 4; } .curve.c2 { stroke: var(--c2); stroke-dasharray: 2 4; stroke-linecap: round; } .curve.c3 { stroke: var(--c3); stroke-dasharray: 12 3 2 3; }
        .point.c0 { fill: var(--c0); } .point.c1 { fill: var(--c1); } .point.c2 { fill: var(--c2); } .point.c3 { fill: var(--c3); }
        .legend span { display: inline-flex; align-items: center; gap: .5rem; margin-right: 1.6rem; font-weight: 600; } .key { width: 44px; }
        .right { fill: var(--right); } .wrong { fill: var(--wrong); } .minus { fill: var(--minus); } .plus { fill: var(--plus); } .fisher { fill: var(--fisher); }
        .count.deep { fill: var(--paper); font-weight: 600; }
        .scale { display: flex; align-items: center; gap: .6rem; color: var(--faint); font-size: .85rem; margin: .5rem 0 1rem; } .scale svg { width: 144px; }

        """;
}
