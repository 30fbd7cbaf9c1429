using Microsoft.ML.Data;

namespace MLNetKfac.Tests.Data;

/// <summary>A bar that counts more or less than others.</summary>
public sealed class Weighted
{
    public Weighted()
    {
    }

    public Weighted(Bar bar, float weight)
    {
        (Features, Kind, Weight) = (bar.Features, bar.Kind, weight);
    }

    [VectorType(Bars.Side * Bars.Side)]
    public float[] Features { get; set; } = [];

    public string Kind { get; set; } = "";

    public float Weight { get; set; }
}
