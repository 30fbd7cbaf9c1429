using System.CommandLine;
using System.Text;
using System.Text.Json.Nodes;

namespace Kfac.Bench.Results;

/// <summary>`tables`: makes docs/benchmarks.md of the recorded results.</summary>
internal static class TablesCommand
{
    private const string Introduction = """
        # Benchmarks

        `dotnet run -c Release --project bench/Kfac.Bench -- tables` makes this page from the files in bench/results. Do not edit it by
        hand. bench/README.md says how to add a measurement.

        Compare figures within a table only: tables come from different days, builds and machines.

        """;

    public static Command Create()
    {
        Option<string> folder = new("--folder") { Description = "Where results are kept.", DefaultValueFactory = _ => "bench/results" };
        Option<string> page = new("--page") { Description = "The page to make.", DefaultValueFactory = _ => "docs/benchmarks.md" };
        Option<bool> check = new("--check") { Description = "Only compares, and fails if the page is another." };
        Command command = new("tables", "Makes the tables of docs/benchmarks.md from the recorded results.") { folder, page, check };
        command.SetAction(arguments =>
        {
            string path = arguments.GetValue(page)!, text = Write(arguments.GetValue(folder)!);
            if (!arguments.GetValue(check))
            {
                File.WriteAllText(path, text);
            }
            else if (!File.Exists(path) || File.ReadAllText(path) != text)
            {
                Console.Error.WriteLine($"{path} is not what the command tables makes of the results: run it");
                return 1;
            }

            return 0;
        });
        return command;
    }

    private static string Write(string folder)
    {
        var page = new StringBuilder(Introduction.ReplaceLineEndings("\n"));
        foreach (ResultFile file in Directory.GetFiles(folder, "*.json", SearchOption.AllDirectories).Select(ResultFile.Read).OrderBy(file => file.Cpu, StringComparer.Ordinal).ThenByDescending(file => file.Date, StringComparer.Ordinal))
        {
            page.Append($"\n## {file.Cpu}, {file.Date}\n\n{file.Runtime}.\n");
            foreach (ResultRun run in file.Runs)
            {
                page.Append($"\n`{run.Command}`\n\n");
                WriteTable(page, [.. run.Results.SelectMany(Rows)]);
            }
        }

        return page.ToString();
    }

    /// <summary>An object, or, where it holds an array of objects, one row for each of them.</summary>
    private static IEnumerable<JsonObject> Rows(JsonObject result) =>
        result.Select(property => property.Value).OfType<JsonArray>().FirstOrDefault() is { } inner ? inner.Select(node => node!.AsObject()) : [result];

    private static void WriteTable(StringBuilder page, JsonObject[] rows)
    {
        string[] columns = [.. rows.SelectMany(row => row.Select(property => property.Key)).Distinct()];
        page.Append($"| {string.Join(" | ", columns.Select(column => column.Replace('_', ' ')))} |\n|{string.Concat(Enumerable.Repeat(" --- |", columns.Length))}\n");
        foreach (JsonObject row in rows)
        {
            page.Append($"| {string.Join(" | ", columns.Select(column => row[column]?.ToString() ?? ""))} |\n");
        }
    }
}
