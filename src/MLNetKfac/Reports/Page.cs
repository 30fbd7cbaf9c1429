using System.Globalization;
using Kfac.Models;
using Kfac.Networks;

namespace MLNetKfac.Reports;

/// <summary>A report as one HTML page that needs nothing else: no scripts, no network, its pictures inside.</summary>
/// <param name="Title">Heading.</param>
/// <param name="Classifier">The model.</param>
/// <param name="Result">What it made of the test pictures.</param>
/// <param name="Options">Options of the training, by name.</param>
/// <param name="Facts">What else there is to know, by name.</param>
/// <param name="Mistakes">Pictures in the gallery.</param>
/// <param name="HeatMaps">Pictures with a map.</param>
/// <param name="Threads">Threads to compute with, at least 1.</param>
internal sealed record Page(
    string Title, ImageClassifier Classifier, TestResult Result, IReadOnlyList<KeyValuePair<string, string>> Options, IReadOnlyList<KeyValuePair<string, string>> Facts, int Mistakes, int HeatMaps, int Threads)
{
    private IReadOnlyList<EpochReport> History => Classifier.History;

    public Html Write()
    {
        (string Id, string Title, Html Content)[] sections = [.. Sections()];
        return Html.Of($"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8"/>
            <meta name="viewport" content="width=device-width, initial-scale=1"/>
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'"/>
            <title>{Title}</title>
            <style>
            {new Html(PageStyle.Css)}
            </style>
            </head>
            <body>
            <header>
            <h1>{Title}</h1>
            <p>{Result.Count:N0} {Result.PicturesName} of {Result.ClassNames.Count} classes{(Result.IsValidation ? ", which also chose the epoch and the temperature: the figures are a little flattered" : "")}{(Result.LeftOut > 0 ? string.Create(CultureInfo.InvariantCulture, $"; {Result.LeftOut} rows without a label or with a pixel that is not finite were left out") : "")}</p>
            <nav aria-label="Sections"><ul>{sections.Select(section => Html.Of($"""<li><a href="#{section.Id}">{section.Title}</a></li>"""))}</ul></nav>
            </header>
            <main>
            {Tiles()}
            {sections.Select(section => Html.Of($"""
                <section id="{section.Id}" aria-labelledby="{section.Id}-title"><h2 id="{section.Id}-title">{section.Title}</h2>
                {section.Content}
                </section>

                """))}
            </main>
            </body>
            </html>

            """);
    }

    private IEnumerable<(string Id, string Title, Html Content)> Sections()
    {
        yield return ("curves", "Learning curves", LearningCurves.Write(History));
        yield return ("confusion", "Confusion matrix", ConfusionMatrix.Write(Result));
        yield return ("classes", "Classes", ClassTable.Write(Result));
        if (Mistakes > 0)
        {
            yield return ("mistakes", Result.Correct < Result.Count ? "Worst mistakes" : "No mistakes", Gallery.Write(Result, Mistakes));
        }

        if (HeatMaps > 0 && Picture.IsVisible(Result.Shape))
        {
            yield return ("heat", "Where the model looks", Gallery.WriteHeatMaps(Result, Classifier, HeatMaps, Threads));
        }

        yield return ("reliability", "Calibration", Reliability.Write(Result));
        if (Picture.IsVisible(Result.Shape) && FirstFilters.Of(Classifier) is { } filters)
        {
            yield return ("filters", "First filters", FirstFilters.Write(Classifier, filters, Result, Threads));
        }

        yield return ("training", "Training and network", About());
    }

    private Html Tiles()
    {
        EpochReport? last = History.Count > 0 ? History[^1] : null;
        LayerSummary[] layers = [.. Classifier.Spec.Summarize()];
        return Html.Of($"""
            <dl class="tiles">
            {Tile("accuracy", Html.Of($"{Result.Accuracy:P1}"), AccuracyNote())}
            {Tile("log-loss", Html.Of($"{Result.LogLoss:F3}"), Html.Of($"nats; {Math.Log(Result.ClassNames.Count):F3} by chance"))}
            {Tile("calibration error", Html.Of($"{100 * Result.Calibration.ExpectedError:F1}"), Html.Of($"points, in {Calibration.BinCount} bins"))}
            {(last is null ? Html.Nothing : Tile("training time", Html.Of($"{Time(last.Seconds)}"), Html.Of($"{last.Epoch:N0} {(last.Epoch == 1 ? "epoch" : "epochs")}, {History.Average(epoch => epoch.ImagesPerSecond):N0} images / s")))}
            {Tile("parameters", Html.Of($"{(double)layers.Sum(layer => layer.Parameters):N0}"), Html.Of($"in {layers.Count(layer => layer.Parameters > 0)} layers"))}
            </dl>
            """);
    }

    private Html AccuracyNote()
    {
        (double from, double to) = Result.AccuracyInterval;
        return Result.IsValidation ? Html.Of($"a little flattered") : Html.Of($"{from:P1} to {to:P1} with 95 % confidence");
    }

    private static Html Tile(string name, Html value, Html note) => Html.Of($"""<div><dt>{name}</dt><dd>{value}<span class="note">{note}</span></dd></div>""");

    private static string Time(double seconds)
    {
        TimeSpan time = TimeSpan.FromSeconds(Math.Clamp(seconds, 0, TimeSpan.MaxValue.TotalSeconds / 2));
        return time switch
        {
            { TotalHours: >= 1 } => $"{(int)time.TotalHours} h {time.Minutes} min",
            { TotalMinutes: >= 1 } => $"{time.Minutes} min {time.Seconds} s",
            _ => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:F1} s"),
        };
    }

    private Html About() => Html.Of($"""
        {OptionTable.Write([.. Facts, .. ModelFacts()])}
        {(Options.Count == 0 ? Html.Nothing : Html.Of($"<h3>Options that were set</h3>{OptionTable.Write(Options)}"))}
        <h3>Network</h3>
        <div class="scroll" role="group" tabindex="0" aria-label="Layers"><table>
        <thead><tr><th scope="col">layer</th><th scope="col">output</th><th scope="col">parameters</th><th scope="col">multiply-adds</th></tr></thead>
        <tbody>{Classifier.Spec.Summarize().Select(Layer)}</tbody></table></div>
        """);

    private IEnumerable<KeyValuePair<string, string>> ModelFacts()
    {
        yield return KeyValuePair.Create("Images", $"{Result.Shape}");
        if (Classifier.Temperature != 1)
        {
            yield return KeyValuePair.Create("Temperature of the probabilities", string.Create(CultureInfo.InvariantCulture, $"{Classifier.Temperature:F2}"));
        }

        if (History.Count > 0)
        {
            yield return KeyValuePair.Create("Time of an epoch", string.Create(CultureInfo.InvariantCulture, $"{History[^1].Seconds / History.Count:F2} s, validation not counted"));
            yield return KeyValuePair.Create("Steps refused", string.Create(CultureInfo.InvariantCulture, $"{History[^1].Recoveries}, because something was not finite"));
        }
    }

    private static Html Layer(LayerSummary layer) => Html.Of(
        $"""<tr><th scope="row">{new string('\u2003', layer.Depth)}{layer.Name} {layer.Settings}</th><td>{$"{layer.Output}"}</td><td>{(double)layer.Parameters:N0}</td><td>{(double)layer.MultiplyAdds:N0}</td></tr>""");
}
