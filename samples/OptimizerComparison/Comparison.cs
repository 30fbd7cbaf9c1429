using FashionMnist;
using Kfac.Audit;
using Kfac.Images;
using Kfac.Optimizers;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetKfac;
using Samples.Terminal;
using Spectre.Console;

namespace OptimizerComparison;

/// <summary>The same network, images, batches and seed, trained by one optimizer after the other.</summary>
internal sealed class Comparison(MLContext mlContext, MemoryImageSource trainingImages, MemoryImageSource testImages)
{
    /// <summary>More would hardly change the picture.</summary>
    private const int MaxFisherImages = 1000;

    private const int WarmUpImages = 640;

    private static readonly (string Name, OptimizerOptions Options)[] Optimizers =
        [("K-FAC", new KfacOptions()), ("Muon", new MuonOptions()), ("Adam", new AdamOptions()), ("SGD", new SgdOptions())];

    public int Epochs { get; init; }

    public int Seed { get; init; }

    public IReadOnlyList<Outcome> Run()
    {
        IDataView training = FashionItem.Load(mlContext, trainingImages), test = FashionItem.Load(mlContext, testImages);
        ITransformer keys = mlContext.Transforms.Conversion.MapValueToKey(nameof(FashionItem.Label)).Fit(training);
        WarmUp(keys.Transform(training));
        return [.. Optimizers.Select(optimizer => Train(optimizer.Name, optimizer.Options, keys.Transform(training), keys.Transform(test)))];
    }

    /// <summary>A few steps by each optimizer: the first to be measured would otherwise pay for the compilation of all it shares with the others.</summary>
    private void WarmUp(IDataView training)
    {
        IDataView some = mlContext.Data.TakeRows(training, WarmUpImages);
        foreach ((_, OptimizerOptions optimizer) in Optimizers)
        {
            CreateTrainer(optimizer, epochs: 2, told: null).Fit(some);
        }
    }

    private Outcome Train(string name, OptimizerOptions optimizer, IDataView training, IDataView test)
    {
        string settings = $"learning rate {optimizer.LearningRate}";
        AnsiConsole.MarkupLineInterpolated($"[bold]{name}[/], {settings}");
        TrainingDisplay display = new();
        // The test images decide nothing here, neither when to stop nor what to keep; each epoch is only shown with them.
        KfacImageClassificationTransformer trained = CreateTrainer(optimizer, Epochs, display.Update).Fit(training, test);
        MulticlassClassificationMetrics metrics = mlContext.MulticlassClassification.Evaluate(trained.Transform(test));
        AnsiConsole.WriteLine();
        return new Outcome(name, settings, trained.Model, metrics, FisherDiagonal.Of(trained.Model.Classifier, First(trainingImages, MaxFisherImages))[0]);
    }

    private KfacImageClassificationTrainer CreateTrainer(OptimizerOptions optimizer, int epochs, Action<KfacImageClassificationMetrics>? told) =>
        mlContext.MulticlassClassification.Trainers.KfacImageClassification(new KfacImageClassificationTrainer.Options
        {
            Optimizer = optimizer,
            Epoch = epochs,
            Seed = Seed,
            MetricsCallback = told,
        });

    /// <summary>The first <paramref name="count"/> images, or all where there are no more.</summary>
    public static MemoryImageSource First(MemoryImageSource images, int count)
    {
        MemoryImageSource first = new(images.Shape, images.ClassCount);
        float[] pixels = new float[images.Shape.Size];
        for (int n = 0; n < Math.Min(count, images.Count); n++)
        {
            images.ReadImage(n, pixels);
            first.Add(pixels, images.GetLabel(n));
        }

        return first;
    }
}
