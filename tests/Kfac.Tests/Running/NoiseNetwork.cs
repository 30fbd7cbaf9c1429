using Kfac.Networks;
using Kfac.Parallel;
using Kfac.Running;
using Kfac.Tests.Oracles;

namespace Kfac.Tests.Running;

/// <summary>A network with its initial weights and a batch of normal noise before it.</summary>
internal static class NoiseNetwork
{
    public static Network Build(NetworkSpec spec, Workers workers, int examples, int seed = 5)
    {
        var random = new Random(seed);
        var network = new Network(spec, examples, workers, trains: true);
        network.Initialize(seed: 1);
        for (int n = 0; n < examples; n++)
        {
            network.Input.Write(n, [.. Enumerable.Range(0, spec.Input.Size).Select(_ => (float)random.NextGaussian())]);
        }

        return network;
    }
}
