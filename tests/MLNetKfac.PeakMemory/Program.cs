using System.Diagnostics;
using Kfac.Networks;
using Kfac.Optimizers;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetKfac;
using var process = Process.GetCurrentProcess();

// PeakMemory ROWS BUDGET: trains an epoch on so many generated images of 16x16 bytes, of which BUDGET bytes may be held, and
// prints the number of images, the training accuracy and the largest working set in bytes.
int rows = int.Parse(args[0], System.Globalization.CultureInfo.InvariantCulture);
var context = new MLContext(seed: 1);
KfacImageClassificationTransformer model = context.MulticlassClassification.Trainers.KfacImageClassification(new KfacImageClassificationTrainer.Options
{
    Network = NetworkSpec.For(Image.Side, Image.Side, 1).Conv(4, 3, stride: 2).Relu().MaxPool(2).Flatten().Dense(3),
    Optimizer = new SgdOptions(),
    Epoch = 1,
    ValidationSetFraction = 0.02f,
    MemoryBudget = long.Parse(args[1], System.Globalization.CultureInfo.InvariantCulture),
    Threads = 1,
}).Fit(context.Data.LoadFromEnumerable(Enumerable.Range(0, rows).Select(Image.Generate)));
Console.WriteLine($"{rows} {model.Model.TrainingHistory[0].TrainingAccuracy:F4} {process.PeakWorkingSet64}");

/// <summary>A noisy picture, brighter in one third: its class.</summary>
internal sealed class Image
{
    public const int Side = 16;

    [VectorType(Side * Side)]
    public byte[] Features { get; set; } = [];

    [KeyType(3)]
    public uint Label { get; set; }

    public static Image Generate(int number)
    {
        var random = new Random(number);
        var image = new Image { Features = new byte[Side * Side], Label = (uint)random.Next(3) + 1 };
        random.NextBytes(image.Features);
        for (int i = 0; i < image.Features.Length; i++)
        {
            image.Features[i] = (byte)(image.Features[i] / 2 + (i * 3 / image.Features.Length + 1 == image.Label ? 100 : 0));
        }

        return image;
    }
}
