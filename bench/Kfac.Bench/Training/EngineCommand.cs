using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using Kfac.Models;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetKfac;

namespace Kfac.Bench.Training;

/// <summary>`engine`: what a prediction engine of ML.NET adds to classifying one image with the default network.</summary>
internal static class EngineCommand
{
    private const int Side = 28, Classes = 10;

    public static Command Create()
    {
        Option<double> seconds = new("--seconds") { Description = "How long to measure.", DefaultValueFactory = _ => 3 };
        Option<bool> json = new("--json") { Description = "One JSON object." };
        Command command = new("engine", "Measures PredictionEngine on one 28x28 image, beside the network alone, both on one thread.") { seconds, json };
        command.SetAction(arguments =>
        {
            var context = new MLContext(seed: 1);
            Image[] images = [.. Enumerable.Range(0, 64).Select(Draw)];
            IDataView rows = context.Data.LoadFromEnumerable(images);
            KfacImageClassificationTransformer model = context.MulticlassClassification.Trainers
                .KfacImageClassification(new KfacImageClassificationTrainer.Options { Epoch = 1 }).Fit(rows);
            using ImagePredictor predictor = model.Model.Classifier.CreatePredictor();
            using PredictionEngine<Image, Classified> engine = context.Model.CreatePredictionEngine<Image, Classified>(model);
            var classified = new Classified();
            var probabilities = new float[Classes];
            List<double> ofEngine = [], ofNetwork = [];
            var clock = Stopwatch.StartNew();
            for (int i = 0; clock.Elapsed.TotalSeconds < 1 + arguments.GetValue(seconds); i++)
            {
                Image image = images[i % images.Length];
                double engineTime = Time(() => engine.Predict(image, ref classified));
                double networkTime = Time(() => predictor.Predict(image.Features, probabilities));
                if (clock.Elapsed.TotalSeconds > 1)
                {
                    ofEngine.Add(engineTime);
                    ofNetwork.Add(networkTime);
                }
            }

            double engineMs = Median(ofEngine), networkMs = Median(ofNetwork);
            Console.WriteLine(arguments.GetValue(json)
                ? JsonSerializer.Serialize(new { engine_ms = Math.Round(engineMs, 4), network_ms = Math.Round(networkMs, 4), ratio = Math.Round(engineMs / networkMs, 3), repeats = ofEngine.Count })
                : $"prediction engine: median {engineMs:F3} ms, min {ofEngine[0]:F3} ms; network alone: median {networkMs:F3} ms, min {ofNetwork[0]:F3} ms; ratio {engineMs / networkMs:F2}");
        });
        return command;
    }

    private static double Time(Action action)
    {
        long begin = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(begin).TotalMilliseconds;
    }

    private static double Median(List<double> times)
    {
        times.Sort();
        return times[times.Count / 2];
    }

    private static Image Draw(int number)
    {
        var random = new Random(number);
        return new Image { Features = [.. Enumerable.Range(0, Side * Side).Select(_ => 255 * random.NextSingle())], Label = (uint)(number % Classes) + 1 };
    }

    private sealed class Image
    {
        [VectorType(Side * Side)]
        public float[] Features { get; set; } = [];

        [KeyType(Classes)]
        public uint Label { get; set; }
    }

    private sealed class Classified
    {
        [KeyType(Classes)]
        public uint PredictedLabel { get; set; }

        [VectorType(Classes)]
        public float[] Score { get; set; } = [];
    }
}
