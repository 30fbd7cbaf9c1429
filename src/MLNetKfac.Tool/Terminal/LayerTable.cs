using Kfac.Audit;
using Kfac.Networks;

namespace MLNetKfac.Tool.Terminal;

/// <summary>The layers of a network as lines of text.</summary>
internal static class LayerTable
{
    private const int MinSettings = 8;

    /// <summary>A heading, a line for each layer, and one for all of them. Columns are as wide as what is in them.</summary>
    /// <param name="network">The network.</param>
    /// <param name="width">Columns of text that fit; the settings of the layers are cut to it.</param>
    public static IEnumerable<string> Lines(NetworkSpec network, int width)
    {
        IReadOnlyDictionary<string, string> blocks = FisherBlocks.Of(network);
        IReadOnlyList<LayerSummary> layers = network.Summarize();
        string[][] rows =
        [
            ["layer", "output", "parameters", "mult-adds", "Fisher block", "settings"],
            .. layers.Select(layer => (string[])
            [
                new string(' ', 2 * layer.Depth) + layer.Name, $"{layer.Output}", Number(layer.Parameters), Number(layer.MultiplyAdds),
                blocks.GetValueOrDefault(layer.Name, ""), layer.Settings,
            ]),
            ["in all", "", Number(layers.Sum(layer => layer.Parameters)), Number(layers.Sum(layer => layer.MultiplyAdds)), "", ""],
        ];
        int[] widths = [.. Enumerable.Range(0, rows[0].Length).Select(column => rows.Max(row => row[column].Length))];
        int forSettings = Math.Max(MinSettings, width - widths.SkipLast(1).Sum(column => column + 1));
        return rows.Select(row =>
            $"{row[0].PadRight(widths[0])} {row[1].PadLeft(widths[1])} {row[2].PadLeft(widths[2])} {row[3].PadLeft(widths[3])} {row[4].PadRight(widths[4])} {Short(row[5], forSettings)}".TrimEnd());
    }

    private static string Number(long value) => value == 0 ? "" : $"{value:N0}";

    private static string Short(string text, int width) => text.Length <= width ? text : text[..(width - 1)] + "…";
}
