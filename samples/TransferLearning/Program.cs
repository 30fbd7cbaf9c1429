using System.CommandLine;
using Microsoft.ML;
using MLNetKfac;
using TransferLearning;

Argument<string?> folder = new("folder")
{
    Description = "Folder with a folder of pictures for each class. Without it the sample draws pictures of its own.",
    DefaultValueFactory = _ => null,
};
Option<string> work = new("--work")
{
    Description = "Where to put the drawn pictures and the model.",
    DefaultValueFactory = _ => Path.Combine(AppContext.BaseDirectory, "transfer-learning"),
};
Option<int> count = new("--count") { Description = "Pictures to draw of each class.", DefaultValueFactory = _ => 60 };
Option<double> test = new("--test") { Description = "Share of each class's pictures held back.", DefaultValueFactory = _ => 0.25 };
Option<int> seeds = new("--seeds") { Description = "How often to divide the pictures and train, each time with another seed.", DefaultValueFactory = _ => 3 };
Option<string?> save = new("--features") { Description = "Where to write the features as text, a line for each picture: the class, then the values." };

RootCommand command = new("Transfer learning: a pre-trained ResNet-18 turns pictures into 512 features; K-FAC trains a dense network on them, and ML.NET's L-BFGS a linear one.")
{
    folder, work, count, test, seeds, save,
};
command.SetAction(arguments =>
{
    try
    {
        string workFolder = Path.GetFullPath(arguments.GetValue(work)!);
        string pictures = arguments.GetValue(folder) ?? DrawnPictures.Write(Path.Combine(workFolder, "pictures"), arguments.GetValue(count), seed: 1);
        MLContext mlContext = new(seed: 1);
        ImageFolderDataView images = mlContext.Data.LoadImagesFromFolder(pictures, new ImageFolderOptions { ImageSize = (ResNetFeatures.Side, ResNetFeatures.Side) });
        Console.WriteLine($"{pictures}: {images}");

        ResNetFeatures features = ResNetFeatures.Of(mlContext, images);
        Console.WriteLine($"{features.Rows.Length} pictures in {features.Seconds:F0} s through ResNet-18");
        if (arguments.GetValue(save) is { } path)
        {
            features.Save(path);
        }

        HeadComparison comparison = new(mlContext, features.Rows) { TestFraction = arguments.GetValue(test) };
        comparison.Run(arguments.GetValue(seeds));
        WholeModel.SaveAndTry(mlContext, features, comparison.LastModel!, images, Path.Combine(workFolder, "transfer-learning.zip"));
        return 0;
    }
    catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException or FormatException or ArgumentException or InvalidOperationException)
    {
        Console.Error.WriteLine(e.Message);
        return 1;
    }
});
return command.Parse(args).Invoke();
