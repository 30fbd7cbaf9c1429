using System.CommandLine;
using Kfac.Images;
using Microsoft.ML;
using OptimizerComparison;
using OptimizerComparison.Report;

Option<string> data = new("--data")
{
    Description = "Folder with the IDX files train-* and t10k-*, gzipped or not, or with a folder of pictures for each class. The subset of Fashion-MNIST in samples/FashionMnist is used otherwise.",
    DefaultValueFactory = _ => Path.Combine(AppContext.BaseDirectory, "data"),
};
Option<string> page = new("--page")
{
    Description = "Where to write the page with the curves and pictures.",
    DefaultValueFactory = _ => Path.Combine(AppContext.BaseDirectory, "optimizer-comparison.html"),
};
Option<int> images = new("--images") { Description = "Largest number of training images, and of test images, to use.", DefaultValueFactory = _ => int.MaxValue };
Option<int> epochs = new("--epochs") { Description = "Passes over the training images.", DefaultValueFactory = _ => 10 };
Option<int> seeds = new("--seeds") { Description = "Trainings by each optimizer, with the seeds 1, 2, …; the same seed gives the same models.", DefaultValueFactory = _ => 3 };
Option<int> size = new("--size") { Description = "Side in pixels of the square that pictures of a folder are resized to.", DefaultValueFactory = _ => 32 };
RootCommand command = new("Trains the same network on the same images by K-FAC, Muon, Adam and SGD, each as it is set by default, and shows how they fare.")
{
    data, page, images, epochs, seeds, size,
};
command.SetAction(arguments =>
{
    try
    {
        string path = Path.GetFullPath(arguments.GetValue(page)!);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        MLContext mlContext = new(seed: 1);
        ComparedImages compared = ComparedImages.Read(mlContext, arguments.GetValue(data)!, arguments.GetValue(size), arguments.GetValue(images));
        (MemoryImageSource training, MemoryImageSource test) = (compared.Training, compared.Test);
        string setting = $"{training.Count:N0} training and {test.Count:N0} test images of {training.Shape.Height} × {training.Shape.Width} pixels, {Environment.ProcessorCount} processors";
        Console.WriteLine(setting);
        Console.WriteLine();
        IReadOnlyList<Contestant> contestants = new Comparison(mlContext, compared) { Epochs = arguments.GetValue(epochs), Seeds = Math.Max(1, arguments.GetValue(seeds)) }.Run();
        ResultTable.Show(contestants);
        File.WriteAllText(path, Page.Write(setting, contestants));
        Console.WriteLine($"Curves and pictures: {path}");
        return 0;
    }
    catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException or FormatException or ArgumentException or InvalidOperationException)
    {
        Console.Error.WriteLine(e.Message);
        return 1;
    }
});
return command.Parse(args).Invoke();
