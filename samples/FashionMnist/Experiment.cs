using Kfac;
using Kfac.Images;
using Kfac.Optimizers;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetKfac;
using Samples.Terminal;

namespace FashionMnist;

/// <summary>Load, train, evaluate, save, load back, classify: the whole of it in ML.NET's own terms.</summary>
internal sealed class Experiment(MLContext mlContext, Action<KfacImageClassificationMetrics> onMetrics)
{
    private const int PicturesShown = 4;

    public required OptimizerOptions Optimizer { get; init; }

    public int? Epochs { get; init; }

    public int? BatchSize { get; init; }

    public float? LearningRate { get; init; }

    public float ValidationFraction { get; init; }

    public int Threads { get; init; }

    public void Run(string dataFolder, string modelPath)
    {
        // Before the training, not after it, a folder that cannot be made is bad news.
        Directory.CreateDirectory(Path.GetDirectoryName(modelPath)!);
        MemoryImageSource trainingImages = IdxFile.ReadFolder(dataFolder, "train");
        MemoryImageSource testImages = IdxFile.ReadFolder(dataFolder, "t10k");
        IDataView training = FashionItem.Load(mlContext, trainingImages);
        IDataView test = FashionItem.Load(mlContext, testImages);
        Console.WriteLine($"{trainingImages.Count} training and {testImages.Count} test images of {trainingImages.Shape.Height} x {trainingImages.Shape.Width} pixels, {trainingImages.ClassCount} classes");

        KfacImageClassificationTrainer.Options options = CreateOptions();
        var pipeline = mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.MulticlassClassification.Trainers.KfacImageClassification(options))
            .Append(mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel"));
        ITransformer trained = pipeline.Fit(training);

        MulticlassClassificationMetrics metrics = Evaluate(trained, test);
        mlContext.Model.SaveAtomically(trained, training.Schema, modelPath);
        Console.WriteLine($"Model saved to {modelPath} ({new FileInfo(modelPath).Length / 1e6:F1} MB)");

        ITransformer loaded = mlContext.Model.Load(modelPath, out _);
        IReadOnlyList<string> classNames = KfacImageClassificationTransformer.FindIn(loaded).Model.ClassNames!;
        using PredictionEngine<FashionItem, FashionPrediction> engine = mlContext.Model.CreatePredictionEngine<FashionItem, FashionPrediction>(loaded, training.Schema);
        Console.WriteLine("Some test images, classified by the model loaded back from that file:");
        for (int i = 0; i < PicturesShown; i++)
        {
            FashionItem item = FashionItem.Read(testImages, i);
            Show(item, testImages.Shape, engine.Predict(item), classNames);
        }

        Console.WriteLine($"test accuracy: {metrics.MicroAccuracy:F4}");
    }

    private static void Show(FashionItem item, ImageShape shape, FashionPrediction prediction, IReadOnlyList<string> classNames) =>
        Picture.Show(shape.Height, shape.Width, (row, column) => item.ColourAt(shape, row, column),
        [
            $"it is: {item.Label}",
            .. Guesses.Lines(prediction.Score, classNames),
            prediction.PredictedLabel == item.Label ? "[green]right[/]" : "[red]wrong[/]",
        ]);

    private KfacImageClassificationTrainer.Options CreateOptions()
    {
        KfacImageClassificationTrainer.Options options = new()
        {
            Optimizer = Optimizer,
            LearningRate = LearningRate,
            ValidationSetFraction = ValidationFraction,
            Threads = Threads,
            MetricsCallback = onMetrics,
        };
        options.Epoch = Epochs ?? options.Epoch;
        options.BatchSize = BatchSize ?? options.BatchSize;
        return options;
    }

    private MulticlassClassificationMetrics Evaluate(ITransformer trained, IDataView test)
    {
        MulticlassClassificationMetrics metrics = mlContext.MulticlassClassification.Evaluate(trained.Transform(test), topKPredictionCount: 3);
        Console.WriteLine();
        Console.WriteLine($"On the test images: micro accuracy {metrics.MicroAccuracy:F4}, macro accuracy {metrics.MacroAccuracy:F4}, top-3 accuracy {metrics.TopKAccuracy:F4}, log-loss {metrics.LogLoss:F4}");
        Console.WriteLine(metrics.ConfusionMatrix.GetFormattedConfusionTable());
        return metrics;
    }
}
