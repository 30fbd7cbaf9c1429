using FashionMnist;
using Kfac.Audit;
using Kfac.Networks;
using Kfac.Optimizers;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetKfac;
using Samples.Terminal;
using Spectre.Console;

namespace OptimizerComparison;

/// <summary>The same network, images and batches, trained by each optimizer, once for each seed.</summary>
internal sealed class Comparison(MLContext mlContext, ComparedImages images)
{
    /// <summary>More would hardly change the picture.</summary>
    private const int MaxFisherImages = 1000;

    private const int WarmUpImages = 640;

    private static readonly (string Name, OptimizerOptions Options)[] Optimizers =
        [("K-FAC", new KfacOptions()), ("Muon", new MuonOptions()), ("Adam", new AdamOptions()), ("SGD", new SgdOptions())];

    public int Epochs { get; init; }

    /// <summary>Seeds 1, 2, …; each changes the initial weights and the order of the images, for all optimizers alike.</summary>
    public int Seeds { get; init; }

    /// <remarks>
    /// The optimizers take turns, and each seed begins with another one: a machine that becomes slower in time does not favour who
    /// comes first.
    /// </remarks>
    public IReadOnlyList<Contestant> Run()
    {
        IDataView training = FashionItem.Load(mlContext, images.Training, images.ClassNames), test = FashionItem.Load(mlContext, images.Test, images.ClassNames);
        ITransformer keys = mlContext.Transforms.Conversion.MapValueToKey(nameof(FashionItem.Label)).Fit(training);
        WarmUp(keys.Transform(training));
        List<Outcome>[] runs = Array.ConvertAll(Optimizers, _ => new List<Outcome>());
        for (int seed = 1; seed <= Seeds; seed++)
        {
            for (int turn = 0; turn < Optimizers.Length; turn++)
            {
                int optimizer = (turn + seed - 1) % Optimizers.Length;
                runs[optimizer].Add(Train(Optimizers[optimizer].Name, Optimizers[optimizer].Options, seed, keys.Transform(training), keys.Transform(test)));
            }
        }

        return [.. Optimizers.Zip(runs, (optimizer, outcomes) => new Contestant(optimizer.Name, outcomes))];
    }

    /// <summary>A few steps by each optimizer: the first to be measured would otherwise pay for the compilation of all it shares with the others.</summary>
    private void WarmUp(IDataView training)
    {
        IDataView some = mlContext.Data.TakeRows(training, WarmUpImages);
        foreach ((_, OptimizerOptions optimizer) in Optimizers)
        {
            CreateTrainer(optimizer, epochs: 2, seed: 1, told: null).Fit(some);
        }
    }

    private Outcome Train(string name, OptimizerOptions optimizer, int seed, IDataView training, IDataView test)
    {
        AnsiConsole.MarkupLineInterpolated($"[bold]{name}[/], seed {seed}");
        TrainingDisplay display = new();
        // The test images decide nothing here, neither when to stop nor what to keep; each epoch is only shown with them.
        KfacImageClassificationTransformer trained = CreateTrainer(optimizer, Epochs, seed, display.Update).Fit(training, test);
        MulticlassClassificationMetrics metrics = mlContext.MulticlassClassification.Evaluate(trained.Transform(test));
        AnsiConsole.WriteLine();
        return new Outcome(trained.Model, metrics, FisherDiagonal.Of(trained.Model.Classifier, ComparedImages.First(images.Training, MaxFisherImages))[0]);
    }

    private KfacImageClassificationTrainer CreateTrainer(OptimizerOptions optimizer, int epochs, int seed, Action<KfacImageClassificationMetrics>? told) =>
        mlContext.MulticlassClassification.Trainers.KfacImageClassification(new KfacImageClassificationTrainer.Options
        {
            Network = NetworkSpec.SmallCnn(images.Training.Shape, images.Training.ClassCount),
            Optimizer = optimizer,
            Epoch = epochs,
            Seed = seed,
            MetricsCallback = told,
        });
}
