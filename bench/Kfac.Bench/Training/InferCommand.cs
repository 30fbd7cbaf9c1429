using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using Kfac.Bench.Kernels;
using Kfac.Images;
using Kfac.Kernels;
using Kfac.Models;
using Kfac.Networks;
using Kfac.Parallel;
using Kfac.Running;

namespace Kfac.Bench.Training;

/// <summary>`infer`: what classifying a batch costs, from pixels to probabilities.</summary>
internal static class InferCommand
{
    public static Command Create()
    {
        Option<string> net = new("--net") { Description = $"One of {string.Join(", ", BenchmarkNetworks.Names)}.", DefaultValueFactory = _ => "M" };
        Option<int> batch = new("--batch") { Description = "Images at once.", DefaultValueFactory = _ => 64 };
        Option<int> threads = new("--threads") { Description = "Threads.", DefaultValueFactory = _ => Environment.ProcessorCount };
        Option<double> seconds = new("--seconds") { Description = "How long to measure.", DefaultValueFactory = _ => 3 };
        Option<bool> json = new("--json") { Description = "One JSON object." };
        Command command = new("infer", "Measures classification, from pixels in memory to probabilities.") { net, batch, threads, seconds, json };
        command.SetAction(arguments =>
        {
            NetworkSpec spec = BenchmarkNetworks.Create(arguments.GetValue(net)!);
            int count = arguments.GetValue(batch);
            using Team team = new(arguments.GetValue(threads));
            double peak = FmaPeak.Measure(team, InstructionSets.Current);
            using ImagePredictor predictor = CreateModel(spec).CreatePredictor(count, team.Threads);
            var random = new Random(2);
            var images = new float[count * spec.Input.Size];
            foreach (ref float pixel in images.AsSpan())
            {
                pixel = random.NextSingle();
            }

            var probabilities = new float[count * spec.Output.Size];
            List<double> times = [];
            var clock = Stopwatch.StartNew();
            while (clock.Elapsed.TotalSeconds < 1 + arguments.GetValue(seconds))
            {
                double begin = clock.Elapsed.TotalSeconds;
                predictor.Predict(images, probabilities);
                if (begin > 1)
                {
                    times.Add(clock.Elapsed.TotalSeconds - begin);
                }
            }

            times.Sort();
            double median = 1e3 * times[times.Count / 2], flops = 2.0 * count * MultiplyAdds(spec);
            Console.WriteLine(arguments.GetValue(json)
                ? JsonSerializer.Serialize(new
                {
                    net = arguments.GetValue(net),
                    batch = count,
                    threads = team.Threads,
                    median_ms = Math.Round(median, 4),
                    min_ms = Math.Round(1e3 * times[0], 4),
                    repeats = times.Count,
                    gflops = Math.Round(flops / median / 1e6, 1),
                    peak_gflops = Math.Round(peak, 1),
                    isa = InstructionSets.Current.ToString().ToLowerInvariant(),
                })
                : $"net {arguments.GetValue(net)}, batch {count}, {team.Threads} thread(s): median {median:F3} ms, min {1e3 * times[0]:F3} ms, {flops / median / 1e6:F0} GFLOP/s of {peak:F0}");
        });
        return command;
    }

    private static ImageClassifier CreateModel(NetworkSpec spec)
    {
        using var workers = new Workers(1);
        var network = new Network(spec, capacity: 1, workers, trains: false);
        network.Initialize(1);
        float[] ones = [.. Enumerable.Repeat(1f, spec.Input.Channels)];
        return new ImageClassifier(spec, network.Store, new InputScaling(spec.Input, ones, ones), []);
    }

    private static double MultiplyAdds(NetworkSpec spec)
    {
        using var workers = new Workers(1);
        return BenchmarkNetworks.MultiplyAdds(new Network(spec, capacity: 1, workers, trains: false), _ => 1);
    }
}
