using Microsoft.ML.Data;

namespace MLNetKfac.Tests.Subset;

/// <summary>The rows that most tests of this folder use.</summary>
internal sealed class FlowerRow
{
    public string Species = "";

    [VectorType(2)]
    public float[] Features = [];

    public static FlowerRow[] Some { get; } =
    [
        new() { Species = "rose", Features = [1, 2] },
        new() { Species = "iris", Features = [3, 4] },
        new() { Species = "rose", Features = [5, 6] },
        new() { Species = "lily", Features = [7, 8] },
    ];
}

/// <summary>What the pipelines of these tests make of a <see cref="FlowerRow"/>.</summary>
internal sealed class FlowerKey
{
    public uint Label = 0;
    public string Name = "";
}
