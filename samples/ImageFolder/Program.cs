using System.CommandLine;
using ImageFolder;
using Microsoft.ML;
using Samples.Terminal;

Option<string> data = new("--data")
{
    Description = "Folder with a folder of PNG pictures for each class. The pictures that come with the sample are used otherwise.",
    DefaultValueFactory = _ => Path.Combine(AppContext.BaseDirectory, "data"),
};
Option<string> model = new("--model")
{
    Description = "The model file: written by the training, read by classify.",
    DefaultValueFactory = _ => Path.Combine(AppContext.BaseDirectory, "image-folder.zip"),
    Recursive = true,
};
Option<int> size = new("--size") { Description = "Side in pixels of the square that pictures are resized to.", DefaultValueFactory = _ => 28 };
Option<int> epochs = new("--epochs") { Description = "Passes over the training pictures.", DefaultValueFactory = _ => 10 };
Option<double> test = new("--test") { Description = "Share of the pictures held back for the evaluation.", DefaultValueFactory = _ => 0.25 };
Option<int> seed = new("--seed") { Description = "Seed of everything random; the same seed gives the same model.", DefaultValueFactory = _ => 1 };
Argument<FileInfo[]> pictures = new("pictures") { Description = "PNG pictures.", Arity = ArgumentArity.OneOrMore };
pictures.AcceptExistingOnly();

RootCommand train = new("Trains a small convolutional network on a folder of pictures by K-FAC in an ML.NET pipeline, evaluates it and saves it.")
{
    data, model, size, epochs, test, seed,
};
train.SetAction(arguments => Try(mlContext =>
{
    TrainingDisplay display = new();
    mlContext.Log += (_, message) => display.Warn(message);
    Training training = new(mlContext, display)
    {
        Size = arguments.GetValue(size),
        Epochs = arguments.GetValue(epochs),
        TestFraction = arguments.GetValue(test),
    };
    training.Run(arguments.GetValue(data)!, Path.GetFullPath(arguments.GetValue(model)!));
}, arguments.GetValue(seed)));

Command classify = new("classify", "Says what pictures show, by the model that the training saved.") { pictures };
classify.SetAction(arguments => Try(
    mlContext => TrainedModel.Classify(mlContext, arguments.GetValue(model)!, arguments.GetValue(pictures)!.Select(picture => picture.FullName))));
train.Add(classify);
return train.Parse(args).Invoke();

static int Try(Action<MLContext> action, int? seed = null)
{
    try
    {
        action(new MLContext(seed));
        return 0;
    }
    catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException or ArgumentException or InvalidOperationException)
    {
        // ML.NET wraps what its loading threads throw.
        Console.Error.WriteLine(e.GetBaseException().Message);
        return 1;
    }
}
