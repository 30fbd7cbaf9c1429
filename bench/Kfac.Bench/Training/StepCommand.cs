using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using Kfac.Bench.Kernels;
using Kfac.Kernels;
using Kfac.Mpi;
using Kfac.Parallel;

namespace Kfac.Bench.Training;

/// <summary>`step`: what a whole training step costs, several optimizers and numbers of threads in turn; under mpirun, of all ranks together.</summary>
internal static class StepCommand
{
    public static Command Create()
    {
        Option<string> net = new("--net") { Description = $"One of {string.Join(", ", BenchmarkNetworks.Names)}.", DefaultValueFactory = _ => "M" };
        Option<int> batch = new("--batch") { Description = "Images in a step.", DefaultValueFactory = _ => 128 };
        Option<string> threads = new("--threads") { Description = "Threads, or several numbers with commas between.", DefaultValueFactory = _ => $"{Environment.ProcessorCount}" };
        Option<string> optimizer = new("--optimizer") { Description = $"One of {string.Join(", ", BenchmarkOptimizers.Names)}, or several with commas between.", DefaultValueFactory = _ => "sgd,adam,muon,kfac" };
        Option<int> repeats = new("--repeats") { Description = "Samples of each.", DefaultValueFactory = _ => 9 };
        Option<double> seconds = new("--seconds") { Description = "Least length of a sample.", DefaultValueFactory = _ => 0.3 };
        Option<double> warmUp = new("--warm-up") { Description = "Seconds of steps before the first sample; the compiler's second tier takes about five.", DefaultValueFactory = _ => 1 };
        Option<bool> json = new("--json") { Description = "One JSON object for each optimizer." };
        Command command = new("step", "Measures a training step, statistics included, on a batch in memory.") { net, batch, threads, optimizer, repeats, seconds, warmUp, json };
        command.SetAction(arguments =>
        {
            Communicator ranks = MpiCommunicator.IsLaunched ? MpiCommunicator.World : Communicator.Solo;
            TextWriter output = ranks.Rank == 0 ? Console.Out : TextWriter.Null;
            string[] names = arguments.GetValue(optimizer)!.Split(',');
            Dictionary<int, double> peaks = arguments.GetValue(threads)!.Split(',').Select(int.Parse).Distinct().ToDictionary(count => count, Peak);
            StepBench[] benches = [.. peaks.Keys.SelectMany(count => names, (count, name) => new StepBench(arguments.GetValue(net)!, arguments.GetValue(batch), count, name, ranks))];
            foreach (StepBench bench in benches)
            {
                bench.WarmUp(arguments.GetValue(warmUp));
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
                output.WriteLine($"net {arguments.GetValue(net)}, batch {arguments.GetValue(batch)}, {InstructionSets.Current.ToString().ToLowerInvariant()}, FMA peak {string.Join(", ", peaks.Select(peak => $"{peak.Value:F0} GFLOP/s of {peak.Key} thread(s)"))}, peak memory {memory:F0} MB");
            }

            foreach (StepBench bench in benches)
            {
                double gflops = bench.Flops / bench.MedianMilliseconds / 1e6;
                output.WriteLine(arguments.GetValue(json)
                    ? JsonSerializer.Serialize(new
                    {
                        net = arguments.GetValue(net),
                        batch = arguments.GetValue(batch),
                        ranks = ranks.Size,
                        threads = bench.Threads,
                        optimizer = bench.Optimizer,
                        median_ms = Math.Round(bench.MedianMilliseconds, 3),
                        min_ms = Math.Round(bench.MinMilliseconds, 3),
                        processor_ms = Math.Round(bench.ProcessorMilliseconds, 3),
                        repeats = bench.Repeats,
                        gflops = Math.Round(gflops, 1),
                        peak_gflops = Math.Round(peaks[bench.Threads], 1),
                        bytes_allocated_per_step = bench.BytesAllocatedPerStep,
                        bytes_sent_per_step = bench.BytesSentPerStep,
                        peak_working_set_mb = Math.Round(memory, 1),
                        isa = InstructionSets.Current.ToString().ToLowerInvariant(),
                    })
                    : $"{bench.Optimizer,-16} {bench.Threads} thread(s)  median {bench.MedianMilliseconds,8:F2} ms  min {bench.MinMilliseconds,8:F2} ms  processor {bench.ProcessorMilliseconds,8:F2} ms  {bench.MedianMilliseconds / benches[0].MedianMilliseconds,6:F3} x the first  {gflops,6:F0} GFLOP/s  {bench.BytesAllocatedPerStep} bytes allocated");
                bench.Dispose();
            }
        });
        return command;
    }

    private static double Peak(int threads)
    {
        using Team team = new(threads);
        return FmaPeak.Measure(team, InstructionSets.Current);
    }
}
