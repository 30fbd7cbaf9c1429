using System.Diagnostics;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetKfac;

namespace TransferLearning;

/// <summary>Two trainers on the same features: K-FAC's dense network with its defaults, and ML.NET's maximum entropy by L-BFGS.</summary>
internal sealed class HeadComparison(MLContext mlContext, FeatureRow[] rows)
{
    private readonly record struct Result(double Accuracy, double LogLoss, double Seconds);

    /// <summary>Share of each class's rows that is held back, at least one row.</summary>
    public double TestFraction { get; init; }

    /// <summary>From the columns Features and Label to PredictedLabel, by K-FAC, of the last seed.</summary>
    public ITransformer? LastModel { get; private set; }

    public void Run(int seeds)
    {
        Console.WriteLine($"{"seed",6}{"K-FAC: accuracy",20}{"log-loss",10}{"seconds",10}{"L-BFGS: accuracy",20}{"log-loss",10}{"seconds",10}");
        List<(Result Kfac, Result Lbfgs)> results = [];
        for (int seed = 1; seed <= seeds; seed++)
        {
            (IDataView training, IDataView test) = Divide(seed);
            LastModel = CreateHead(mlContext.MulticlassClassification.Trainers.KfacImageClassification(new KfacImageClassificationTrainer.Options { Seed = seed }), training, out double kfacSeconds);
            ITransformer lbfgs = CreateHead(mlContext.MulticlassClassification.Trainers.LbfgsMaximumEntropy(), training, out double lbfgsSeconds);
            results.Add((Evaluate(LastModel, test, kfacSeconds), Evaluate(lbfgs, test, lbfgsSeconds)));
            Print($"{seed}", results[^1].Kfac, results[^1].Lbfgs);
        }

        Result kfac = Mean(results.Select(result => result.Kfac)), mean = Mean(results.Select(result => result.Lbfgs));
        Print("mean", kfac, mean);
        Console.WriteLine($"K-FAC against L-BFGS: accuracy {100 * (kfac.Accuracy - mean.Accuracy):+0.00;-0.00} points, log-loss {kfac.LogLoss - mean.LogLoss:+0.000;-0.000}");
    }

    private static Result Mean(IEnumerable<Result> results) =>
        new(results.Average(result => result.Accuracy), results.Average(result => result.LogLoss), results.Average(result => result.Seconds));

    private static void Print(string name, Result kfac, Result lbfgs) =>
        Console.WriteLine($"{name,6}{kfac.Accuracy,20:P2}{kfac.LogLoss,10:F3}{kfac.Seconds,10:F1}{lbfgs.Accuracy,20:P2}{lbfgs.LogLoss,10:F3}{lbfgs.Seconds,10:F1}");

    private ITransformer CreateHead<TTransformer>(IEstimator<TTransformer> trainer, IDataView training, out double seconds)
        where TTransformer : class, ITransformer
    {
        long start = Stopwatch.GetTimestamp();
        ITransformer model = mlContext.Transforms.Conversion.MapValueToKey("Label").Append(trainer)
            .Append(mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel")).Fit(training);
        seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return model;
    }

    private Result Evaluate(ITransformer model, IDataView test, double seconds)
    {
        MulticlassClassificationMetrics metrics = mlContext.MulticlassClassification.Evaluate(model.Transform(test));
        return new Result(metrics.MicroAccuracy, metrics.LogLoss, seconds);
    }

    /// <summary>Within classes, so that each is on both sides.</summary>
    private (IDataView Training, IDataView Test) Divide(int seed)
    {
        Random random = new(seed);
        List<FeatureRow> training = [], test = [];
        foreach (IGrouping<string, FeatureRow> kind in rows.GroupBy(row => row.Label))
        {
            FeatureRow[] shuffled = [.. kind];
            random.Shuffle(shuffled);
            int held = Math.Max(1, (int)Math.Round(TestFraction * shuffled.Length));
            test.AddRange(shuffled[..held]);
            training.AddRange(shuffled[held..]);
        }

        return (mlContext.Data.LoadFromEnumerable(training), mlContext.Data.LoadFromEnumerable(test));
    }
}
