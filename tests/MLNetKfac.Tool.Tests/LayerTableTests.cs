using Kfac;
using Kfac.Networks;
using MLNetKfac.Tool.Terminal;

namespace MLNetKfac.Tool.Tests;

/// <summary>The layers that <c>kfac inspect</c> shows.</summary>
[TestClass]
public sealed class LayerTableTests
{
    private static readonly NetworkSpec Photographs = NetworkSpec.PhotographCnn(new ImageShape(64, 64, 3), 100);

    [TestMethod]
    public void It_fits_a_terminal_of_80_columns() =>
        Assert.IsEmpty(LayerTable.Lines(Photographs, 80).Where(line => line.Length > 80).ToArray());

    [TestMethod]
    public void Where_nothing_breaks_the_settings_are_whole()
    {
        string[] lines = [.. LayerTable.Lines(Photographs, 100_000)];

        Assert.IsEmpty(lines.Where(line => line.Contains('…')).ToArray());
        foreach (LayerSummary layer in Photographs.Summarize())
        {
            Assert.Contains(layer.Settings, lines.Single(line => line.TrimStart().StartsWith($"{layer.Name} ", StringComparison.Ordinal)));
        }
    }
}
