using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;
using MLNetKfac;
using Samples.Terminal;
using Spectre.Console;

namespace ImageFolder;

/// <summary>From a folder of pictures to a model file.</summary>
internal sealed class Training(MLContext mlContext, TrainingDisplay display)
{
    /// <summary>Side of the square that every picture is resized to, in pixels.</summary>
    public int Size { get; init; }

    public int Epochs { get; init; }

    /// <summary>Share of the pictures that the model is evaluated on.</summary>
    public double TestFraction { get; init; }

    public void Run(string folder, string modelPath)
    {
        // Before the training, not after it, a folder that cannot be made is bad news.
        Directory.CreateDirectory(Path.GetDirectoryName(modelPath)!);
        PictureFile[] pictures = PictureFile.ReadFolder(folder);
        Console.WriteLine($"{pictures.Length} pictures in {pictures.DistinctBy(picture => picture.Label).Count()} classes, {folder}");

        IDataView rows = mlContext.Data.LoadFromEnumerable(pictures);
        DataOperationsCatalog.TrainTestData split = mlContext.Data.TrainTestSplit(rows, TestFraction);
        ITransformer model = CreatePipeline().Fit(split.TrainSet);
        MulticlassClassificationMetrics metrics = mlContext.MulticlassClassification.Evaluate(model.Transform(split.TestSet));
        Show(metrics, TrainedModel.Of(model).Model.ClassNames!);

        mlContext.Model.SaveAtomically(model, rows.Schema, modelPath);
        Console.WriteLine($"Model saved to {modelPath}; it classifies with: -- classify PICTURE.png");
    }

    private IEstimator<ITransformer> CreatePipeline() =>
        mlContext.Transforms.LoadImages("Image", imageFolder: null, nameof(PictureFile.Path))
            .Append(mlContext.Transforms.ResizeImages("Image", Size, Size, resizing: ImageResizingEstimator.ResizingKind.IsoPad))
            .Append(mlContext.Transforms.ExtractPixels(nameof(ClassifiedPicture.Features), "Image"))
            .Append(mlContext.Transforms.Conversion.MapValueToKey(nameof(PictureFile.Label)))
            .Append(mlContext.MulticlassClassification.Trainers.KfacImageClassification(new KfacImageClassificationTrainer.Options
            {
                Epoch = Epochs,
                MetricsCallback = display.Update,
            }));

    /// <summary>The pictures held back: how many of each class were taken for which.</summary>
    private static void Show(MulticlassClassificationMetrics metrics, IReadOnlyList<string> classNames)
    {
        Table table = new Table().Border(TableBorder.Rounded).Title("held-back pictures: row is, column was taken for");
        table.AddColumn("");
        foreach (string name in classNames)
        {
            table.AddColumn(new TableColumn(name.EscapeMarkup()).RightAligned());
        }

        table.AddColumn(new TableColumn("recall").RightAligned());
        ConfusionMatrix confusion = metrics.ConfusionMatrix;
        for (int actual = 0; actual < classNames.Count; actual++)
        {
            IEnumerable<string> counts = confusion.Counts[actual].Select((count, predicted) =>
                count == 0 ? "[grey].[/]" : predicted == actual ? $"[green]{count}[/]" : $"[red]{count}[/]");
            table.AddRow([$"[bold]{classNames[actual].EscapeMarkup()}[/]", .. counts, $"{confusion.PerClassRecall[actual]:P0}"]);
        }

        AnsiConsole.WriteLine();
        AnsiConsole.Write(table);
        AnsiConsole.MarkupLine($"accuracy [bold]{metrics.MicroAccuracy:P1}[/], log-loss {metrics.LogLoss:F3}");
    }
}
