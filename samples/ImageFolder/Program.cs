using System.CommandLine;
using ImageFolder;
using Microsoft.ML;

Option<string> data = new("--data")
{
    Description = "Folder with a folder of pictures for each class. The pictures that come with the sample are used otherwise.",
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
Option<double> test = new("--test") { Description = "Share of each class's pictures held back for the evaluation.", DefaultValueFactory = _ => 0.25 };
Option<int> seed = new("--seed") { Description = "Seed of everything random; the same seed gives the same model.", DefaultValueFactory = _ => 1 };
Argument<string[]> pictures = new("pictures") { Description = "Pictures: JPEG, PNG, BMP, GIF or WebP.", Arity = ArgumentArity.OneOrMore };

RootCommand train = new("Trains a small convolutional network on a folder of pictures by K-FAC in an ML.NET pipeline, saves it and evaluates it.")
{
    data, model, size, epochs, test, seed,
};
train.SetAction(arguments => Try(() => new Training(new MLContext(arguments.GetValue(seed)))
{
    Size = arguments.GetValue(size),
    Epochs = arguments.GetValue(epochs),
    TestFraction = arguments.GetValue(test),
    Seed = arguments.GetValue(seed),
}.Run(arguments.GetValue(data)!, Path.GetFullPath(arguments.GetValue(model)!))));

Command classify = new("classify", "Says what pictures show, by the model that the training saved.") { pictures };
classify.SetAction(arguments => Try(() => TrainedModel.Classify(new MLContext(), arguments.GetValue(model)!, arguments.GetValue(pictures)!)));
train.Add(classify);
return train.Parse(args).Invoke();

static int Try(Action action)
{
    try
    {
        action();
        return 0;
    }
    catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException or FormatException or ArgumentException or InvalidOperationException)
    {
        Console.Error.WriteLine(e.Message);
        return 1;
    }
}
