using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Kfac.Bench.Training;

/// <summary>`ranks`: one process on all processors against ranks that share them, in turn; needs mpirun.</summary>
internal static class RanksCommand
{
    private static readonly string[] AsRoot = Environment.UserName == "root" ? ["--allow-run-as-root"] : [];

    /// <summary>This program, which `dotnet run` starts by itself and `dotnet Kfac.Bench.dll` by the host.</summary>
    private static readonly string[] Program = Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [Environment.ProcessPath!, typeof(RanksCommand).Assembly.Location] : [Environment.ProcessPath!];

    public static Command Create()
    {
        Option<string> net = new("--net") { Description = $"One of {string.Join(", ", BenchmarkNetworks.Names)}.", DefaultValueFactory = _ => "M" };
        Option<int> batch = new("--batch") { Description = "Images in a step, of all ranks together.", DefaultValueFactory = _ => 256 };
        Option<string> optimizer = new("--optimizer") { Description = $"One of {string.Join(", ", BenchmarkOptimizers.Names)}.", DefaultValueFactory = _ => "kfac" };
        Option<string> ranks = new("--ranks") { Description = "Numbers of ranks, with commas between.", DefaultValueFactory = _ => "2" };
        Option<int> repeats = new("--repeats") { Description = "Starts of each.", DefaultValueFactory = _ => 5 };
        Option<bool> json = new("--json") { Description = "One JSON object for each number of ranks." };
        Command command = new("ranks", "Compares a training step of one process on all processors with ranks that share them, in turn. Needs mpirun.") { net, batch, optimizer, ranks, repeats, json };
        command.SetAction(arguments =>
        {
            string[] step = ["step", "--net", arguments.GetValue(net)!, "--batch", $"{arguments.GetValue(batch)}", "--optimizer", arguments.GetValue(optimizer)!, "--warm-up", "6", "--repeats", "15", "--json"];
            int[] sizes = [1, .. arguments.GetValue(ranks)!.Split(',').Select(text => int.Parse(text, CultureInfo.InvariantCulture))];
            List<JsonObject>[] runs = [.. sizes.Select(_ => new List<JsonObject>())];
            for (int repeat = 0; repeat < arguments.GetValue(repeats); repeat++)
            {
                for (int n = 0; n < sizes.Length; n++)
                {
                    runs[n].Add(Measure(step, sizes[n]));
                }
            }

            double alone = Median(runs[0], "median_ms");
            for (int n = 0; n < sizes.Length; n++)
            {
                var row = new
                {
                    net = arguments.GetValue(net),
                    batch = arguments.GetValue(batch),
                    optimizer = arguments.GetValue(optimizer),
                    ranks = sizes[n],
                    threads_each = runs[n][0]["threads"]!.GetValue<int>(),
                    median_ms = Math.Round(Median(runs[n], "median_ms"), 2),
                    images_per_second_of_one_process = Math.Round(alone / Median(runs[n], "median_ms"), 3),
                    bytes_sent_by_rank_0 = (long)Median(runs[n], "bytes_sent_per_step"),
                };
                Console.WriteLine(arguments.GetValue(json)
                    ? JsonSerializer.Serialize(row)
                    : $"{row.ranks} rank(s) of {row.threads_each} thread(s)  median {row.median_ms,8:F2} ms  {row.images_per_second_of_one_process,6:F3} of one process's images a second  rank 0 sends {row.bytes_sent_by_rank_0} bytes a step");
            }
        });
        return command;
    }

    private static double Median(List<JsonObject> runs, string value) => runs.Select(run => run[value]!.GetValue<double>()).Order().ElementAt(runs.Count / 2);

    private static JsonObject Measure(string[] step, int ranks)
    {
        string[] own = [.. Program, .. step, "--threads", $"{Math.Max(1, Environment.ProcessorCount / ranks)}"];
        string[] words = ranks == 1 ? own : ["mpirun", .. AsRoot, "--oversubscribe", "--bind-to", "none", "-n", $"{ranks}", .. own];
        ProcessStartInfo start = new(words[0], words[1..]) { RedirectStandardOutput = true };
        start.Environment["TERM"] = "dumb";
        using Process process = Process.Start(start)!;
        string printed = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? JsonNode.Parse(printed)!.AsObject()
            : throw new InvalidOperationException($"'{string.Join(' ', words)}' ended with exit code {process.ExitCode}");
    }
}
