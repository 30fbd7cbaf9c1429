using System.CommandLine;
using System.Text.Json;
using Kfac.Kernels;
using Kfac.Layers;

namespace Kfac.Bench.Kernels;

/// <summary>`kernels`: each pass of each layer against the FMA peak measured in the same process.</summary>
internal static class KernelsCommand
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public static Command Create()
    {
        Option<string> net = new("--net") { Description = $"One of {string.Join(", ", BenchmarkNetworks.Names)}, or all", DefaultValueFactory = _ => "M" };
        Option<int> batch = new("--batch") { Description = "Examples", DefaultValueFactory = _ => 128 };
        Option<int> threads = new("--threads") { Description = "Threads", DefaultValueFactory = _ => 1 };
        Option<int?> together = new("--together") { Description = "Examples of one call; the kernel's own wish if not given" };
        Option<bool> direct = new("--direct") { Description = "No Winograd; with it, GFLOP/s still count the definition's multiply-adds" };
        Option<double> seconds = new("--seconds") { Description = "Time for each pass", DefaultValueFactory = _ => 0.5 };
        Option<string?> isa = new("--isa") { Description = "avx512, avx2, vector128 or scalar" };
        Option<string?> layer = new("--layer") { Description = "Only layers whose name contains this" };
        Option<bool> json = new("--json") { Description = "One JSON object" };
        Command command = new("kernels", "Measures every pass of every layer.") { net, batch, threads, together, direct, seconds, isa, layer, json };
        command.SetAction(parsed =>
        {
            InstructionSet set = parsed.GetValue(isa) is { } forced ? InstructionSets.Choose(forced) : InstructionSets.Current;
            string only = parsed.GetValue(layer) ?? "";
            using Team team = new(parsed.GetValue(threads));
            double peak = FmaPeak.Measure(team, set);
            List<KernelResult> results = [];
            if (!parsed.GetValue(json))
                Console.WriteLine($"{set.ToString().ToLowerInvariant()}, {team.Threads} thread(s), batch {parsed.GetValue(batch)}, FMA peak {peak:F1} GFLOP/s");
            foreach (string name in parsed.GetValue(net) is "all" ? BenchmarkNetworks.Names : [parsed.GetValue(net)!])
            {
                IEnumerable<KernelPass> passes = BenchmarkNetworks.Layers<Conv2D>(name).Select(conv => conv.Geometry)
                    .SelectMany(g => new ConvolutionBench(g, parsed.GetValue(batch), team.Threads, set, parsed.GetValue(together), !parsed.GetValue(direct)).Passes)
                    .Concat(BenchmarkNetworks.Layers<Dense>(name).SelectMany(dense => new DenseBench(dense.InputShape.Size, dense.Spec.Units, parsed.GetValue(batch), team.Threads, set).Passes));
                foreach (KernelPass pass in passes.Where(pass => pass.Layer.Contains(only, StringComparison.OrdinalIgnoreCase)))
                {
                    KernelResult result = Measure(name, pass, team, parsed.GetValue(seconds), peak);
                    results.Add(result);
                    if (!parsed.GetValue(json))
                        Console.WriteLine($"{name} {result.Layer,-31} {result.Pass,-24} {result.MinMs,9:F3} ms (median {result.MedianMs,9:F3}) {result.Gflops,7:F1} GFLOP/s {result.ShareOfPeak,6:P1}");
                }
            }
            if (parsed.GetValue(json))
                Console.WriteLine(JsonSerializer.Serialize(
                    new { Batch = parsed.GetValue(batch), team.Threads, Isa = set.ToString().ToLowerInvariant(), PeakGflops = peak, Kernels = results }, Json));
        });
        return command;
    }

    private static KernelResult Measure(string net, KernelPass pass, Team team, double seconds, double peak)
    {
        List<double> times = [];
        team.Time(pass.Work);
        for (double spent = 0; spent < seconds || times.Count < 5;)
        {
            times.Add(team.Time(pass.Work));
            spent += times[^1];
        }
        times.Sort();
        double gflops = pass.Flops / times[0] / 1e9;
        return new KernelResult(net, pass.Layer, pass.Pass, times[0] * 1e3, times[times.Count / 2] * 1e3, gflops, gflops / peak);
    }
}
