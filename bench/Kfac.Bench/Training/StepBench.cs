using System.Diagnostics;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Parallel;
using Kfac.Running;

namespace Kfac.Bench.Training;

/// <summary>One network with one optimizer on one batch that stays in memory: what a training step costs, data loading left out.</summary>
internal sealed class StepBench : IDisposable
{
    /// <summary>So small that thousands of steps on one batch change nothing that matters to their cost.</summary>
    private const double ScheduleFactor = 1e-6;

    private readonly Workers _workers;
    private readonly Optimizer _optimizer;
    private readonly Communicator _ranks;
    private readonly int[] _labels;
    private readonly List<double> _seconds = [], _processorSeconds = [];

    public StepBench(string net, int batch, int threads, string optimizer, Communicator ranks)
    {
        (Optimizer, Threads, _ranks) = (optimizer, threads, ranks);
        NetworkSpec spec = BenchmarkNetworks.Create(net);
        _workers = new Workers(threads);
        var network = new Network(spec, batch, _workers, trains: true, ranks: ranks);
        network.Initialize(1);
        _optimizer = BenchmarkOptimizers.Create(optimizer).Create(network, seed: 1);
        var random = new Random(2);
        var pixels = new float[spec.Input.Size];
        for (int n = 0; n < batch; n++)
        {
            for (int i = 0; i < pixels.Length; i++)
            {
                pixels[i] = (2 * random.NextSingle()) - 1;
            }

            network.Input.Write(n, pixels);
        }

        _labels = [.. Enumerable.Range(0, batch).Select(_ => random.Next(spec.Output.Size))];
        Flops = 2.0 * batch * BenchmarkNetworks.MultiplyAdds(network, layer => layer.InputGradient is null ? 2 : 3);
    }

    public string Optimizer { get; }

    public int Threads { get; }

    /// <summary>Floating-point operations of a plain step by the definition: forward, backward to the data, backward to the weights.</summary>
    public double Flops { get; }

    public long BytesAllocatedPerStep { get; private set; }

    /// <summary>What this rank sends in a step.</summary>
    public long BytesSentPerStep { get; private set; }

    public int Repeats => _seconds.Count;

    public double MedianMilliseconds => 1e3 * _seconds.Order().ElementAt(_seconds.Count / 2);

    public double MinMilliseconds => 1e3 * _seconds.Min();

    /// <summary>Processor time of all threads, the least of the samples: other processes disturb it less, but workers that wait for others count.</summary>
    public double ProcessorMilliseconds => 1e3 * _processorSeconds.Min();

    /// <summary>One sample: steps for at least <paramref name="seconds"/>.</summary>
    public void Sample(double seconds)
    {
        long allocated = GC.GetTotalAllocatedBytes(precise: true);
        TimeSpan processor = Environment.CpuUsage.TotalTime;
        var clock = Stopwatch.StartNew();
        int steps = 0;
        do
        {
            long sent = _ranks.BytesSent;
            _optimizer.Step(_labels, ScheduleFactor);
            BytesSentPerStep = _ranks.BytesSent - sent;
            steps++;
        }
        while (!_ranks.Any(clock.Elapsed.TotalSeconds >= seconds));
        _seconds.Add(clock.Elapsed.TotalSeconds / steps);
        _processorSeconds.Add((Environment.CpuUsage.TotalTime - processor).TotalSeconds / steps);
        BytesAllocatedPerStep = (GC.GetTotalAllocatedBytes(precise: true) - allocated) / steps;
    }

    public void WarmUp(double seconds)
    {
        var clock = Stopwatch.StartNew();
        do
        {
            _optimizer.Step(_labels, ScheduleFactor);
        }
        while (!_ranks.Any(clock.Elapsed.TotalSeconds >= seconds));
    }

    public void Dispose() => _workers.Dispose();
}
