using System.CommandLine;
using FashionMnist;
using Kfac.Optimizers;
using Microsoft.ML;
using Samples.Terminal;

Option<string> data = new("--data")
{
    Description = "Folder with the IDX files train-* and t10k-*, gzipped or not. The subset that comes with the sample is used otherwise.",
    DefaultValueFactory = _ => Path.Combine(AppContext.BaseDirectory, "data"),
};
Option<string> model = new("--model")
{
    Description = "Where to save the trained model.",
    DefaultValueFactory = _ => Path.Combine(AppContext.BaseDirectory, "fashion-mnist.zip"),
};
Option<string> optimizer = new("--optimizer") { Description = "The optimizer: kfac, muon, adam or sgd.", DefaultValueFactory = _ => "kfac" };
optimizer.AcceptOnlyFromAmong("kfac", "muon", "adam", "sgd");
Option<int?> epochs = new("--epochs") { Description = "Passes over the training images. [default: the trainer's]" };
Option<int?> batchSize = new("--batch-size") { Description = "Images in a step. [default: the trainer's]" };
Option<float?> learningRate = new("--learning-rate") { Description = "Step size. [default: the optimizer's]" };
Option<float> validation = new("--validation") { Description = "Share of the training images set apart to watch the training by.", DefaultValueFactory = _ => 0.05f };
Option<int> seed = new("--seed") { Description = "Seed of everything random; the same seed gives the same model.", DefaultValueFactory = _ => 1 };
Option<int> threads = new("--threads") { Description = "Threads to train with; 0 takes all processors. The model does not depend on it." };
RootCommand command = new("Trains a small convolutional network on Fashion-MNIST by K-FAC in an ML.NET pipeline, evaluates it, saves it, and classifies with the model loaded back.")
{
    data, model, optimizer, epochs, batchSize, learningRate, validation, seed, threads,
};
command.SetAction(arguments =>
{
    MLContext mlContext = new(arguments.GetValue(seed));
    TrainingDisplay display = new();
    Experiment experiment = new(mlContext, display.Update)
    {
        Optimizer = arguments.GetValue(optimizer) switch { "muon" => new MuonOptions(), "adam" => new AdamOptions(), "sgd" => new SgdOptions(), _ => new KfacOptions() },
        Epochs = arguments.GetValue(epochs),
        BatchSize = arguments.GetValue(batchSize),
        LearningRate = arguments.GetValue(learningRate),
        ValidationFraction = arguments.GetValue(validation),
        Threads = arguments.GetValue(threads),
    };
    mlContext.Log += (_, message) => display.Warn(message);
    try
    {
        experiment.Run(arguments.GetValue(data)!, Path.GetFullPath(arguments.GetValue(model)!));
        return 0;
    }
    catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException or ArgumentException or InvalidOperationException)
    {
        Console.Error.WriteLine(e.Message);
        return 1;
    }
});
return command.Parse(args).Invoke();
