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
        Option<bool> ort = new("--ort") { Description = "ONNX Runtime on the exported file as well, in turn with it." };
        Command command = new("infer", "Measures classification, from pixels in memory to probabilities.") { net, batch, threads, seconds, json, ort };
        command.SetAction(arguments =>
        {
            NetworkSpec spec = BenchmarkNetworks.Create(arguments.GetValue(net)!);
            int count = arguments.GetValue(batch);
            using Team team = new(arguments.GetValue(threads));
            double peak = FmaPeak.Measure(team, InstructionSets.Current);
            ImageClassifier model = CreateModel(spec);
            using ImagePredictor predictor = model.CreatePredictor(count, team.Threads);
            var random = new Random(2);
            var images = new float[count * spec.Input.Size];
            foreach (ref float pixel in images.AsSpan())
            {
                pixel = random.NextSingle();
            }

            var probabilities = new float[count * spec.Output.Size];
            using OnnxRuntimePeer? peer = arguments.GetValue(ort) ? new OnnxRuntimePeer(model, images, count, team.Threads) : null;
            List<double> times = [], peerTimes = [];
            var clock = Stopwatch.StartNew();
            while (times.Count == 0 || clock.Elapsed.TotalSeconds < 1 + arguments.GetValue(seconds))
            {
                bool isWarm = clock.Elapsed.TotalSeconds > 1;
                Time(times, isWarm, () => predictor.Predict(images, probabilities));
                if (peer is not null)
                {
                    Time(peerTimes, isWarm, peer.Predict);
                }
            }

            times.Sort();
            peerTimes.Sort();
            double median = 1e3 * times[times.Count / 2], flops = 2.0 * count * MultiplyAdds(spec);
            Console.WriteLine(arguments.GetValue(json)
                ? JsonSerializer.Serialize(new
                {
                    net = arguments.GetValue(net),
                    batch = count,
                    threads = team.Threads,
                    median_ms = Math.Round(median, 4),
                    min_ms = Math.Round(1e3 * times[0], 4),
                    onnxruntime_median_ms = peer is null ? (double?)null : Math.Round(1e3 * peerTimes[peerTimes.Count / 2], 4),
                    onnxruntime_min_ms = peer is null ? (double?)null : Math.Round(1e3 * peerTimes[0], 4),
                    repeats = times.Count,
                    gflops = Math.Round(flops / median / 1e6, 1),
                    peak_gflops = Math.Round(peak, 1),
                    isa = InstructionSets.Current.ToString().ToLowerInvariant(),
                })
                : $"net {arguments.GetValue(net)}, batch {count}, {team.Threads} thread(s): median {median:F3} ms, min {1e3 * times[0]:F3} ms, {flops / median / 1e6:F0} GFLOP/s of {peak:F0}");
            if (peer is not null && !arguments.GetValue(json))
            {
                double peerMedian = 1e3 * peerTimes[peerTimes.Count / 2];
                Console.WriteLine($"ONNX Runtime: median {peerMedian:F3} ms, min {1e3 * peerTimes[0]:F3} ms; it takes {peerMedian / median:F2} times as long, by the shortest {peerTimes[0] / times[0]:F2}");
            }
        });
        return command;
    }

    private static void Time(List<double> seconds, bool isWarm, Action action)
    {
        long begin = Stopwatch.GetTimestamp();
        action();
        if (isWarm)
        {
            seconds.Add(Stopwatch.GetElapsedTime(begin).TotalSeconds);
        }
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
