using System.CommandLine;
using Kfac.Images;
using Microsoft.ML;
using OptimizerComparison;
using OptimizerComparison.Report;

Option<string> data = new("--data")
{
    Description = "Folder with the IDX files train-* and t10k-*, gzipped or not. The subset of Fashion-MNIST in samples/FashionMnist is used otherwise.",
    DefaultValueFactory = _ => Path.Combine(AppContext.BaseDirectory, "data"),
};
Option<string> page = new("--page")
{
    Description = "Where to write the page with the curves and pictures.",
    DefaultValueFactory = _ => Path.Combine(AppContext.BaseDirectory, "optimizer-comparison.html"),
};
Option<int> images = new("--images") { Description = "Largest number of training images, and of test images, to use.", DefaultValueFactory = _ => int.MaxValue };
Option<int> epochs = new("--epochs") { Description = "Passes over the training images.", DefaultValueFactory = _ => 10 };
Option<int> seed = new("--seed") { Description = "Seed of everything random; the same seed gives the same models.", DefaultValueFactory = _ => 1 };
RootCommand command = new("Trains the same network on the same images by K-FAC, Muon, Adam and SGD, each as it is set by default, and shows how they fare.")
{
    data, page, images, epochs, seed,
};
command.SetAction(arguments =>
{
    try
    {
        string path = Path.GetFullPath(arguments.GetValue(page)!);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        MemoryImageSource training = Read("train"), test = Read("t10k");
        string setting = $"{training.Count:N0} training and {test.Count:N0} test images of {training.Shape.Height} × {training.Shape.Width} pixels, {Environment.ProcessorCount} processors";
        Console.WriteLine(setting);
        Console.WriteLine();
        Comparison comparison = new(new MLContext(arguments.GetValue(seed)), training, test) { Epochs = arguments.GetValue(epochs), Seed = arguments.GetValue(seed) };
        IReadOnlyList<Outcome> outcomes = comparison.Run();
        ResultTable.Show(outcomes);
        File.WriteAllText(path, Page.Write(setting, outcomes));
        Console.WriteLine($"Curves and pictures: {path}");
        return 0;

        MemoryImageSource Read(string name) => Comparison.First(IdxFile.ReadFolder(arguments.GetValue(data)!, name), arguments.GetValue(images));
    }
    catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException or ArgumentException or InvalidOperationException)
    {
        Console.Error.WriteLine(e.Message);
        return 1;
    }
});
return command.Parse(args).Invoke();
