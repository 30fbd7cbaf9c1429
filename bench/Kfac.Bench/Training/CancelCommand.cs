using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using Kfac.Curvature;
using Kfac.Images;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Training;

namespace Kfac.Bench.Training;

/// <summary>`cancel`: how long a training goes on after it is cancelled, at moments spread over its first seconds.</summary>
internal static class CancelCommand
{
    public static Command Create()
    {
        Option<string> net = new("--net") { Description = $"One of {string.Join(", ", BenchmarkNetworks.Names)}.", DefaultValueFactory = _ => "L" };
        Option<string> block = new("--block") { Description = $"One of {string.Join(", ", Enum.GetNames<FisherApproximation>())}.", DefaultValueFactory = _ => nameof(FisherApproximation.Kronecker) };
        Option<int> batch = new("--batch") { Description = "Images in a step.", DefaultValueFactory = _ => 128 };
        Option<int> threads = new("--threads") { Description = "Threads.", DefaultValueFactory = _ => Environment.ProcessorCount };
        Option<int> trainings = new("--trainings") { Description = "How many are cancelled.", DefaultValueFactory = _ => 20 };
        Option<double> seconds = new("--seconds") { Description = "The last is cancelled so long after its start.", DefaultValueFactory = _ => 10 };
        Option<bool> keeps = new("--keep") { Description = "Keep the best model rather than throw." };
        Command command = new("cancel", "Measures how long cancelling takes, in the middle of steps, inverses and eigendecompositions.") { net, block, batch, threads, trainings, seconds, keeps };
        command.SetAction(arguments =>
        {
            var options = new TrainingOptions
            {
                Network = BenchmarkNetworks.Create(arguments.GetValue(net)!),
                Optimizer = new KfacOptions { Approximation = Enum.Parse<FisherApproximation>(arguments.GetValue(block)!), FactorUpdatePeriod = 1, InverseUpdatePeriod = 2 },
                BatchSize = arguments.GetValue(batch),
                Threads = arguments.GetValue(threads),
                OnCancellation = arguments.GetValue(keeps) ? CancellationOutcome.KeepBest : CancellationOutcome.Throw,
            };
            MemoryImageSource images = Noise(options.Network, 4 * options.BatchSize);
            int count = arguments.GetValue(trainings);
            double[] latencies = [.. Enumerable.Range(1, count).Select(i => Measure(options, images, TimeSpan.FromSeconds(arguments.GetValue(seconds) * i / count))).Order()];
            Console.WriteLine(JsonSerializer.Serialize(new
            {
                net = arguments.GetValue(net),
                block = arguments.GetValue(block),
                batch = options.BatchSize,
                threads = options.Threads,
                trainings = count,
                median_ms = Math.Round(1e3 * latencies[count / 2], 1),
                max_ms = Math.Round(1e3 * latencies[^1], 1),
            }));
        });
        return command;
    }

    /// <returns>Seconds from the cancellation to the end.</returns>
    private static double Measure(TrainingOptions options, MemoryImageSource images, TimeSpan moment)
    {
        using var source = new CancellationTokenSource();
        int steps = 0;
        var training = Task.Factory.StartNew(() => Train(options with { OnBatch = _ => steps++ }, images, source.Token), TaskCreationOptions.LongRunning);
        Thread.Sleep(moment);
        var clock = Stopwatch.StartNew();
        source.Cancel();
        training.Wait();
        double seconds = clock.Elapsed.TotalSeconds;
        Console.Error.WriteLine(FormattableString.Invariant($"cancelled after {moment.TotalSeconds:F1} s, in step {steps + 1}: {1e3 * seconds:F0} ms"));
        return seconds;
    }

    private static void Train(TrainingOptions options, MemoryImageSource images, CancellationToken cancellation)
    {
        try
        {
            _ = new ImageClassifierTrainer(options with { Epochs = 1_000 }).Fit(images, cancellation: cancellation);
        }
        catch (OperationCanceledException)
        {
            // As asked for.
        }
    }

    private static MemoryImageSource Noise(NetworkSpec network, int count)
    {
        var random = new Random(1);
        var images = new MemoryImageSource(network.Input, network.Output.Size);
        var pixels = new float[network.Input.Size];
        for (int n = 0; n < count; n++)
        {
            foreach (ref float pixel in pixels.AsSpan())
            {
                pixel = random.NextSingle();
            }

            images.Add(pixels, n % network.Output.Size);
        }

        return images;
    }
}
