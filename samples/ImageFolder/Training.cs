using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetKfac;

namespace ImageFolder;

/// <summary>From a folder of pictures to a model file.</summary>
internal sealed class Training(MLContext mlContext)
{
    /// <summary>Side of the square that every picture is resized to, in pixels.</summary>
    public int Size { get; init; }

    public int Epochs { get; init; }

    /// <summary>Share of each class's pictures that the model is evaluated on.</summary>
    public double TestFraction { get; init; }

    public int Seed { get; init; }

    public void Run(string folder, string modelPath)
    {
        // Before the training, not after it, a folder that cannot be made is bad news.
        Directory.CreateDirectory(Path.GetDirectoryName(modelPath)!);
        ImageFolderDataView pictures = mlContext.Data.LoadImagesFromFolder(folder, new ImageFolderOptions { ImageSize = (Size, Size) });
        Console.WriteLine(pictures);
        (ImageFolderDataView training, ImageFolderDataView test) = pictures.Split(TestFraction, Seed);

        ITransformer model = CreatePipeline().Fit(training);
        mlContext.Model.SaveAtomically(model, pictures.Schema, modelPath);
        Console.WriteLine($"Model saved to {modelPath}; it classifies with: -- classify PICTURE");

        MulticlassClassificationMetrics metrics = mlContext.MulticlassClassification.Evaluate(model.Transform(test));
        Console.WriteLine($"{test.Count} pictures held back: accuracy {metrics.MicroAccuracy:P1}, log-loss {metrics.LogLoss:F3}");
        foreach ((string name, double recall) in pictures.ClassNames.Zip(metrics.ConfusionMatrix.PerClassRecall))
        {
            Console.WriteLine($"{recall,9:P0} of '{name}'");
        }
    }

    private IEstimator<ITransformer> CreatePipeline() =>
        mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.MulticlassClassification.Trainers.KfacImageClassification(new KfacImageClassificationTrainer.Options
            {
                FeatureColumnName = "Image",
                Epoch = Epochs,
                MetricsCallback = metrics =>
                {
                    if (metrics.Epoch is { } epoch)
                    {
                        Console.WriteLine(epoch);
                    }
                },
            }));
}
