using Microsoft.ML;
using Microsoft.ML.Data;

namespace PackageCheck;

/// <summary>A grey picture of stripes, and which way they run.</summary>
internal sealed class Stripes
{
    private const int Side = 8;

    /// <summary>[H, W] pixels.</summary>
    [VectorType(Side, Side)]
    public float[] Features { get; set; } = [];

    public string Label { get; set; } = "";

    /// <summary>Noisy stripes, by turns lying and upright.</summary>
    public static IDataView Load(MLContext mlContext, int count, int seed)
    {
        Random random = new(seed);
        return mlContext.Data.LoadFromEnumerable([.. Enumerable.Range(0, count).Select(index =>
        {
            bool upright = index % 2 == 0;
            int phase = random.Next(2);
            return new Stripes
            {
                Features = [.. Enumerable.Range(0, Side * Side).Select(i =>
                    (((upright ? i % Side : i / Side) + phase) % 2 * 100) + (random.NextSingle() * 100))],
                Label = upright ? "upright" : "lying",
            };
        })]);
    }
}

/// <summary>What a model says of a picture of stripes.</summary>
internal sealed class ClassifiedStripes
{
    public string PredictedLabel { get; set; } = "";

    public float[] Score { get; set; } = [];
}
