using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using Kfac.Bench.Kernels;
using Kfac.Kernels;

namespace Kfac.Bench.Training;

/// <summary>`step`: what a whole training step costs, several optimizers in turn.</summary>
internal static class StepCommand
{
    public static Command Create()
    {
        Option<string> net = new("--net") { Description = "S, M or L.", DefaultValueFactory = _ => "M" };
        Option<int> batch = new("--batch") { Description = "Images in a step.", DefaultValueFactory = _ => 128 };
        Option<int> threads = new("--threads") { Description = "Threads.", DefaultValueFactory = _ => Environment.ProcessorCount };
        Option<string> optimizer = new("--optimizer") { Description = $"One of {string.Join(", ", BenchmarkOptimizers.Names)}, or several with commas between.", DefaultValueFactory = _ => "sgd,adam,muon,kfac-empirical,kfac-sampled" };
        Option<int> repeats = new("--repeats") { Description = "Samples of each.", DefaultValueFactory = _ => 9 };
        Option<double> seconds = new("--seconds") { Description = "Least length of a sample.", DefaultValueFactory = _ => 0.3 };
        Option<bool> json = new("--json") { Description = "One JSON object for each optimizer." };
        Command command = new("step", "Measures a training step, statistics included, on a batch in memory.") { net, batch, threads, optimizer, repeats, seconds, json };
        command.SetAction(arguments =>
        {
            using Team team = new(arguments.GetValue(threads));
            double peak = FmaPeak.Measure(team);
            StepBench[] benches = [.. arguments.GetValue(optimizer)!.Split(',').Select(name => new StepBench(arguments.GetValue(net)!, arguments.GetValue(batch), arguments.GetValue(threads), name))];
            foreach (StepBench bench in benches)
            {
                bench.WarmUp();
            }

            for (int repeat = 0; repeat < arguments.GetValue(repeats); repeat++)
            {
                foreach (StepBench bench in benches)
                {
                    bench.Sample(arguments.GetValue(seconds));
                }
            }

            double memory = Process.GetCurrentProcess().PeakWorkingSet64 / 1e6;
            if (!arguments.GetValue(json))
            {
                Console.WriteLine($"net {arguments.GetValue(net)}, batch {arguments.GetValue(batch)}, {team.Threads} thread(s), {InstructionSets.Current.ToString().ToLowerInvariant()}, FMA peak {peak:F0} GFLOP/s, peak memory {memory:F0} MB");
            }

            foreach (StepBench bench in benches)
            {
                double gflops = bench.Flops / bench.MedianMilliseconds / 1e6;
                Console.WriteLine(arguments.GetValue(json)
                    ? JsonSerializer.Serialize(new
                    {
                        net = arguments.GetValue(net),
                        batch = arguments.GetValue(batch),
                        threads = team.Threads,
                        optimizer = bench.Optimizer,
                        median_ms = Math.Round(bench.MedianMilliseconds, 3),
                        min_ms = Math.Round(bench.MinMilliseconds, 3),
                        repeats = bench.Repeats,
                        gflops = Math.Round(gflops, 1),
                        peak_gflops = Math.Round(peak, 1),
                        bytes_allocated_per_step = bench.BytesAllocatedPerStep,
                        peak_working_set_mb = Math.Round(memory, 1),
                        isa = InstructionSets.Current.ToString().ToLowerInvariant(),
                    })
                    : $"{bench.Optimizer,-16} median {bench.MedianMilliseconds,8:F2} ms  min {bench.MinMilliseconds,8:F2} ms  {bench.MedianMilliseconds / benches[0].MedianMilliseconds,5:F2} x {benches[0].Optimizer}  {gflops,6:F0} GFLOP/s  {bench.BytesAllocatedPerStep} bytes allocated");
                bench.Dispose();
            }
        });
        return command;
    }
}
