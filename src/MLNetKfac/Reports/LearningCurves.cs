using Kfac.Models;

namespace MLNetKfac.Reports;

/// <summary>Loss and accuracy of training and validation, by epoch and by seconds, and the same in a table.</summary>
internal static class LearningCurves
{
    private static readonly (Axis Axis, Func<EpochReport, double> Value, bool IsWhole) ByEpoch = (new Axis("epoch"), epoch => epoch.Epoch, true);

    private static readonly (Axis Axis, Func<EpochReport, double> Value, bool IsWhole) BySeconds = (new Axis("training time / s"), epoch => epoch.Seconds, false);

    private sealed record Quantity(string Name, Axis Axis, Func<EpochReport, double> Training, Func<EpochReport, double?> Validation);

    private static readonly Quantity Loss = new("Loss", new Axis("loss / nat"), epoch => epoch.TrainingLoss, epoch => epoch.ValidationLoss);

    private static readonly Quantity Accuracy = new("Accuracy", new Axis("accuracy / %", 100, "0.##"), epoch => epoch.TrainingAccuracy, epoch => epoch.ValidationAccuracy);

    public static Html Write(IReadOnlyList<EpochReport> history) => history.Count == 0 ? Html.Of($"<p>The model has no history of a training.</p>") : Html.Of($"""
        {LineChart.Legend(Curves(history, Loss, ByEpoch.Value))}
        <div class="charts">
        {Figure(history, Loss, ByEpoch, "by epoch")}
        {Figure(history, Accuracy, ByEpoch, "by epoch")}
        {Figure(history, Loss, BySeconds, "by training time")}
        {Figure(history, Accuracy, BySeconds, "by training time")}
        </div>
        {Table(history)}
        """);

    private static Curve[] Curves(IReadOnlyList<EpochReport> history, Quantity quantity, Func<EpochReport, double> x)
    {
        Curve training = new("training", "c0", [.. Finite(history.Select(epoch => (x(epoch), quantity.Training(epoch))))]);
        Curve validation = new("validation", "c1", [.. Finite(history.Where(epoch => quantity.Validation(epoch) is not null).Select(epoch => (x(epoch), quantity.Validation(epoch)!.Value)))]);
        return [.. ((Curve[])[training, validation]).Where(curve => curve.Points.Count > 0)];
    }

    private static IEnumerable<(double X, double Y)> Finite(IEnumerable<(double X, double Y)> points) => points.Where(point => double.IsFinite(point.X) && double.IsFinite(point.Y));

    private static Html Figure(IReadOnlyList<EpochReport> history, Quantity quantity, (Axis Axis, Func<EpochReport, double> Value, bool IsWhole) x, string by)
    {
        Curve[] curves = Curves(history, quantity, x.Value);
        if (curves.Length == 0)
        {
            return Html.Nothing;
        }

        string title = $"{quantity.Name} {by}";
        (double X, double Y)[] points = [.. curves.SelectMany(curve => curve.Points)];
        Axis across = x.Axis.Over([0, .. points.Select(point => point.X)], x.IsWhole).EndingAt(points.Max(point => point.X));
        Axis up = quantity.Axis.Over([.. points.Select(point => point.Y), .. quantity == Loss ? (double[])[0] : []]);
        return Html.Of($"<figure><figcaption>{title}</figcaption>{LineChart.Draw(title, across, up, curves)}</figure>");
    }

    private static Html Table(IReadOnlyList<EpochReport> history) => Html.Of($"""
        <details><summary>All epochs in figures</summary>
        <div class="scroll" role="group" tabindex="0" aria-label="Epochs"><table>
        <thead><tr><th scope="col">epoch</th><th scope="col">loss</th><th scope="col">accuracy</th><th scope="col">validation loss</th><th scope="col">validation accuracy</th><th scope="col">time / s</th><th scope="col">images / s</th><th scope="col">learning rate</th></tr></thead>
        <tbody>{history.Select(epoch => Html.Of($"""<tr><th scope="row">{epoch.Epoch}</th><td>{epoch.TrainingLoss:F4}</td><td>{epoch.TrainingAccuracy:P1}</td><td>{Optional(epoch.ValidationLoss, "F4")}</td><td>{Optional(epoch.ValidationAccuracy, "P1")}</td><td>{epoch.Seconds:F1}</td><td>{epoch.ImagesPerSecond:N0}</td><td>{epoch.LearningRate:G3}</td></tr>"""))}</tbody>
        </table></div></details>
        """);

    private static Html Optional(double? value, string format) => value is { } number ? new Html(Html.Escape(number.ToString(format, System.Globalization.CultureInfo.InvariantCulture))) : Html.Of($"–");
}
