using Kfac.Kernels;

namespace Kfac.Bench.Kernels;

/// <summary>The shapes of the networks that are measured.</summary>
internal static class BenchNetworks
{
    public static IReadOnlyList<string> Names { get; } = ["S", "M", "L"];

    public static IReadOnlyList<ConvolutionGeometry> Convolutions(string net) => net.ToUpperInvariant() switch
    {
        "S" => [Same(28, 1, 32, 5), Same(14, 32, 64, 5)],
        "M" => [Same(28, 1, 32, 3), Same(28, 32, 32, 3), Same(14, 32, 64, 3), Same(14, 64, 64, 3)],
        "L" => [Same(32, 3, 32, 3), Same(32, 32, 32, 3), Same(16, 32, 64, 3), Same(16, 64, 64, 3), Same(8, 64, 128, 3), Same(8, 128, 128, 3)],
        _ => throw new ArgumentOutOfRangeException(nameof(net), net, "expected S, M or L"),
    };

    /// <summary>Features in and out.</summary>
    public static IReadOnlyList<(int From, int To)> Dense(string net) => net.ToUpperInvariant() switch
    {
        "S" => [(3136, 64), (64, 10)],
        "M" => [(3136, 128), (128, 10)],
        "L" => [(2048, 256), (256, 10)],
        _ => throw new ArgumentOutOfRangeException(nameof(net), net, "expected S, M or L"),
    };

    private static ConvolutionGeometry Same(int size, int c, int k, int filter) => ConvolutionGeometry.Same(size, size, c, k, filter, filter);
}
