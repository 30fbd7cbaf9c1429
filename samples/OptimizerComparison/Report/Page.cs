using System.Net;
using Kfac.Models;

namespace OptimizerComparison.Report;

/// <summary>The outcomes as one HTML page that needs nothing else: no scripts, and its pictures inside.</summary>
internal static class Page
{
    public static string Write(string setting, IReadOnlyList<Outcome> outcomes) => $"""
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>Optimizers compared</title>
        <style>{Style}</style>
        </head>
        <body>
        <h1>{Names(outcomes)} on the same images</h1>
        <p>The same network ({outcomes[0].Model.Parameters.Sum(parameter => parameter.Length):N0} parameters), batches and seed; each optimizer as it is set by default
        ({string.Join(", ", outcomes.Select(outcome => $"{outcome.Name}: {outcome.Settings}"))}). {WebUtility.HtmlEncode(setting)}.
        Seconds are of training alone: the look at the test images after each epoch is not counted, and decides nothing.</p>
        {Table(outcomes)}
        <h2>Learning curves</h2>
        {Chart.Legend(outcomes.Select((outcome, style) => (outcome.Name, style)))}
        <div class="charts">
        {Curves("Test accuracy by epoch", outcomes, ByEpoch, TestAccuracy)}
        {Curves("Test accuracy by training time", outcomes, BySeconds, TestAccuracy)}
        {Curves("Training loss by epoch", outcomes, ByEpoch, TrainingLoss)}
        {Curves("Training loss by training time", outcomes, BySeconds, TrainingLoss)}
        </div>
        <h2>Which test images are taken for which</h2>
        <p>A row is what an image shows, a column what the model took it for. A cell is filled by the root of its share of the row.</p>
        <div class="wide">{string.Concat(outcomes.Select(Confusion))}</div>
        <h2>The first layer</h2>
        <p>Its filters, and below each weight's entry of the Fisher diagonal over the first training images: how far the predictions move when that weight moves.
        A diagonal Fisher block divides a weight's gradient by a running estimate of this number plus the damping, so that sensitive weights make small steps and others large ones.
        Every cell says its number when pointed at.</p>
        <div class="wide">{string.Concat(outcomes.Select(FirstLayer))}</div>
        </body>
        </html>
        """;

    private static readonly (Axis Axis, Func<EpochReport, double> Value) ByEpoch = (new Axis("epoch", value => $"{value:0.#}"), report => report.Epoch);
    private static readonly (Axis Axis, Func<EpochReport, double> Value) BySeconds = (new Axis("training time / s", value => $"{value:0.#}"), report => report.Seconds);
    private static readonly (Axis Axis, Func<EpochReport, double> Value) TestAccuracy = (new Axis("test accuracy / %", value => $"{100 * value:0.##}"), report => report.ValidationAccuracy!.Value);
    private static readonly (Axis Axis, Func<EpochReport, double> Value) TrainingLoss = (new Axis("training loss / nat", value => $"{value:G3}"), report => report.TrainingLoss);

    private static string Names(IReadOnlyList<Outcome> outcomes) =>
        $"{string.Join(", ", outcomes.SkipLast(1).Select(outcome => outcome.Name))} and {outcomes[^1].Name}";

    private static string Table(IReadOnlyList<Outcome> outcomes)
    {
        string headings = string.Concat(ResultTable.Headings(outcomes).Select(heading => $"<th>{heading}</th>"));
        string rows = string.Concat(outcomes.Select(outcome =>
            $"<tr>{string.Concat(ResultTable.Cells(outcome, outcomes).Select(cell => $"<td>{cell}</td>"))}</tr>\n"));
        return $"""<div class="wide"><table><thead><tr>{headings}</tr></thead><tbody>{rows}</tbody></table></div>""";
    }

    private static string Curves(
        string title, IReadOnlyList<Outcome> outcomes,
        (Axis Axis, Func<EpochReport, double> Value) x, (Axis Axis, Func<EpochReport, double> Value) y)
    {
        EpochReport[] reports = [.. outcomes.SelectMany(outcome => outcome.Epochs)];
        Axis across = x.Axis.Over([0, .. reports.Select(x.Value)]);
        double[] values = [.. reports.Select(y.Value)];
        Axis up = y == TrainingLoss ? y.Axis.OverRatios(values) : y.Axis.Over(values);
        IEnumerable<Curve> curves = outcomes.Select((outcome, style) =>
            new Curve(outcome.Name, style, [.. outcome.Epochs.Select(report => (x.Value(report), y.Value(report)))]));
        return $"<figure><figcaption>{title}</figcaption>{Chart.Draw(across, up, curves)}</figure>";
    }

    private static string Confusion(Outcome outcome) =>
        $"<figure><figcaption>{outcome.Name}: {outcome.Metrics.MicroAccuracy:P2} right</figcaption>{Pictures.Confusion(outcome.Metrics.ConfusionMatrix, outcome.Model.ClassNames!)}</figure>";

    private static string FirstLayer(Outcome outcome) => $"""
        <figure><figcaption>{outcome.Name}: filters</figcaption>{Pictures.Filters(outcome.FirstLayer)}
        <figcaption>{outcome.Name}: Fisher diagonal</figcaption>{Pictures.Fisher(outcome.FirstLayer, outcome.FirstLayerFisher)}</figure>
        """;

    private const string Style = """

        :root { color-scheme: light dark; --paper: #fdfdfc; --ink: #1d2126; --faint: #5d6670; --line: #dfe2e6;
          --c0: #0b66c3; --c1: #c2410c; --c2: #15803d; --c3: #86198f; --right: #0b66c3; --wrong: #c2410c; --minus: #0b66c3; --plus: #c2410c; --fisher: #6d28d9; }
        @media (prefers-color-scheme: dark) { :root { --paper: #14171a; --ink: #e8eaed; --faint: #a0a8b1; --line: #31373d;
          --c0: #66b2ff; --c1: #ff9a62; --c2: #6bd08c; --c3: #e39bf0; --right: #4d9df0; --wrong: #ff8a4c; --minus: #66b2ff; --plus: #ff9a62; --fisher: #b794ff; } }
        body { background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1160px; padding: 0 1.25rem; }
        h1 { font-size: 1.7rem; line-height: 1.2; } h2 { font-size: 1.25rem; margin-top: 2.5rem; } p { max-width: 48rem; }
        table { border-collapse: collapse; font-variant-numeric: tabular-nums; } th { color: var(--faint); font-weight: 600; }
        th, td { border-bottom: 1px solid var(--line); padding: .4rem .9rem; text-align: right; } th:first-child, td:first-child { text-align: left; padding-left: 0; font-weight: 600; }
        figure { margin: 0; } figcaption { font-weight: 600; margin: .8rem 0 .4rem; }
        .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 1rem 2rem; }
        .wide { display: flex; flex-wrap: wrap; gap: 1rem 2.5rem; overflow-x: auto; }
        .wide figure { flex: 0 1 530px; }
        svg { display: block; width: 100%; height: auto; } .filters { margin: .3rem 0; }
        text { fill: var(--ink); font: 13px system-ui, sans-serif; } .tick { fill: var(--faint); font-size: 12.5px; }
        .grid { stroke: var(--line); } .curve { fill: none; stroke-width: 2.4; stroke-linejoin: round; } .point { stroke: none; }
        .curve.c0 { stroke: var(--c0); } .curve.c1 { stroke: var(--c1); stroke-dasharray: 8 4; } .curve.c2 { stroke: var(--c2); stroke-dasharray: 2 4; stroke-linecap: round; } .curve.c3 { stroke: var(--c3); stroke-dasharray: 12 3 2 3; }
        .point.c0 { fill: var(--c0); } .point.c1 { fill: var(--c1); } .point.c2 { fill: var(--c2); } .point.c3 { fill: var(--c3); }
        .legend span { display: inline-flex; align-items: center; gap: .5rem; margin-right: 1.6rem; font-weight: 600; } .key { width: 44px; }
        .right { fill: var(--right); } .wrong { fill: var(--wrong); } .minus { fill: var(--minus); } .plus { fill: var(--plus); } .fisher { fill: var(--fisher); }
        .count.deep { fill: var(--paper); font-weight: 600; }
        .scale { display: flex; align-items: center; gap: .6rem; color: var(--faint); font-size: .85rem; margin: .5rem 0 1rem; } .scale svg { width: 144px; }

        """;
}
