namespace MLNetKfac.Reports;

/// <summary>A reliability diagram: accuracy against confidence.</summary>
internal static class Reliability
{
    public static Html Write(TestResult result)
    {
        Axis x = new Axis("confidence / %", 100, "0").Over([0, 1]), y = new Axis("accuracy / %", 100, "0").Over([0, 1]);
        IReadOnlyList<CalibrationBin> bins = result.Calibration.Bins;
        int largest = Math.Max(1, bins.Max(bin => bin.Count));
        IEnumerable<Html> bars = bins.Select((bin, number) => bin.Count == 0 ? Html.Nothing : Bar(x, y, number, bin, largest));
        return Html.Of($"""
            <p>Expected calibration error: <b>{100 * result.Calibration.ExpectedError:F1} points</b>, the mean distance of accuracy from confidence in {Calibration.BinCount} bins.
            Bars below the diagonal: the model is surer than it should be. The deeper a bar, the more pictures it stands for.</p>
            <figure class="single"><figcaption>Accuracy by confidence</figcaption>
            <svg class="chart" viewBox="0 0 {LineChart.Width} {LineChart.Height}" role="img" aria-label="Accuracy by confidence; the table below has its figures">{LineChart.Frame(x, y)}{bars}
            <line class="curve c1" x1="{LineChart.Across(x, 0):F1}" y1="{LineChart.Down(y, 0):F1}" x2="{LineChart.Across(x, 1):F1}" y2="{LineChart.Down(y, 1):F1}"/></svg></figure>
            <details><summary>The bins in figures</summary><div class="scroll" role="group" tabindex="0" aria-label="Bins of confidence"><table>
            <thead><tr><th scope="col">confidence from</th><th scope="col">to</th><th scope="col">pictures</th><th scope="col">mean confidence</th><th scope="col">accuracy</th></tr></thead>
            <tbody>{bins.Select((bin, number) => bin.Count == 0 ? Html.Nothing : Html.Of($"""<tr><th scope="row">{(double)number / Calibration.BinCount:P1}</th><td>{(number + 1.0) / Calibration.BinCount:P1}</td><td>{bin.Count:N0}</td><td>{bin.Confidence:P1}</td><td>{bin.Accuracy:P1}</td></tr>"""))}</tbody>
            </table></div></details>
            """);
    }

    private static Html Bar(Axis x, Axis y, int number, CalibrationBin bin, int largest)
    {
        double left = LineChart.Across(x, (double)number / Calibration.BinCount), right = LineChart.Across(x, (number + 1.0) / Calibration.BinCount), top = LineChart.Down(y, bin.Accuracy);
        return Html.Of($"""<rect class="right" x="{left + 1:F1}" y="{top - 1:F1}" width="{right - left - 2:F1}" height="{LineChart.Down(y, 0) - top + 1:F1}" fill-opacity="{0.25 + 0.7 * Math.Sqrt((double)bin.Count / largest):F2}"><title>{bin.Count} pictures: confidence {bin.Confidence:P1}, accuracy {bin.Accuracy:P1}</title></rect>""");
    }
}
