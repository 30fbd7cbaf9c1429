using Kfac.Networks;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetKfac.Tests.Data;

/// <summary>A noisy 8x8 image of a bar, and what it is.</summary>
public sealed class Bar
{
    [VectorType(Bars.Side * Bars.Side)]
    public float[] Features { get; set; } = [];

    public string Kind { get; set; } = "";

    public float Number { get; set; }
}

/// <summary>Bars that lie, stand or lean: a task that a tiny network learns in a second, and that needs more than single pixels.</summary>
public static class Bars
{
    public const int Side = 8;

    public static readonly string[] Kinds = ["lying", "standing", "leaning"];

    public static readonly NetworkSpec Network = NetworkSpec.For(Side, Side, 1).Conv(8, 3).Relu().MaxPool(2).Flatten().Dense(Kinds.Length);

    /// <summary>As many bars, of all kinds in turn; the same for the same seed.</summary>
    public static Bar[] Make(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(number => Make(number, random))];
    }

    /// <summary>Bars as rows with a key label.</summary>
    public static IDataView Load(MLContext context, int count, int seed) => Key(context, context.Data.LoadFromEnumerable(Make(count, seed)));

    /// <summary>Adds the column <c>Label</c>, always with the same keys.</summary>
    public static IDataView Key(MLContext context, IDataView rows)
    {
        IDataView all = context.Data.LoadFromEnumerable(Kinds.Select(kind => new Bar { Features = new float[Side * Side], Kind = kind }));
        return context.Transforms.Conversion.MapValueToKey("Label", nameof(Bar.Kind)).Fit(all).Transform(rows);
    }

    /// <summary>Options that learn bars quickly.</summary>
    public static KfacImageClassificationTrainer.Options Options() => new() { Network = Network, Epoch = 6, BatchSize = 16, Seed = 1, Threads = 1 };

    private static Bar Make(int number, Random random)
    {
        int kind = number % Kinds.Length, place = random.Next(2, Side - 2);
        var pixels = new float[Side * Side];
        for (int along = 0; along < Side; along++)
        {
            (int row, int column) = kind switch
            {
                0 => (place, along),
                1 => (along, place),
                _ => (along, (along + place) % Side),
            };
            pixels[row * Side + column] = 1;
        }

        for (int i = 0; i < pixels.Length; i++)
        {
            pixels[i] = pixels[i] * 200 + 40 * random.NextSingle();
        }

        return new Bar { Features = pixels, Kind = Kinds[kind], Number = number };
    }
}
