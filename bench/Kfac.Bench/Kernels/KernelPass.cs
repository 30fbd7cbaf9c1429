namespace Kfac.Bench.Kernels;

/// <summary>Something to measure.</summary>
/// <param name="Layer">The layer.</param>
/// <param name="Pass">The pass.</param>
/// <param name="Flops">Of the whole batch.</param>
/// <param name="Work">One worker's part of it, called on all at once.</param>
internal sealed record KernelPass(string Layer, string Pass, double Flops, Action<int> Work);

/// <summary>What came out.</summary>
internal sealed record KernelResult(string Net, string Layer, string Pass, double MinMs, double MedianMs, double Gflops, double ShareOfPeak);
