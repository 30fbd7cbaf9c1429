using System.Numerics.Tensors;
using Kfac.Images;
using Kfac.Models;
using Kfac.Parallel;

namespace Kfac.Training;

/// <summary>
/// The temperature T of p = softmax(logits / T) with the least cross-entropy over images that were not trained on (Guo et al. 2017),
/// with a prior that draws it to 1 where there are few of them.
/// </summary>
internal static class TemperatureScaling
{
    /// <summary>Range of T, and how many images the prior is worth.</summary>
    private const double Lowest = 0.05, Highest = 20, Prior = 10;

    private const int MaxImages = 10_000, Halvings = 50;

    /// <summary>The model at the temperature that <paramref name="images"/> ask for, which is told. Each rank scores a share of the images.</summary>
    /// <exception cref="OperationCanceledException">Some rank's <paramref name="cancellation"/> was cancelled, and the options do not say to keep the model all the same.</exception>
    public static ImageClassifier Calibrate(ImageClassifier model, ImageSet images, TrainingOptions options, TrainingRanks ranks, int threads, CancellationToken cancellation)
    {
        using ImageSequence sequence = images.Open(seed: null);
        try
        {
            double temperature = Fit(model, sequence, ranks, threads, cancellation);
            options.OnInfo?.Invoke(FormattableString.Invariant($"calibration: temperature {temperature:F3}, by {Math.Min(images.Count, MaxImages)} images that were not trained on"));
            return model.WithTemperature((float)temperature);
        }
        catch (OperationCanceledException) when (options.OnCancellation == CancellationOutcome.KeepBest)
        {
            return model;
        }
    }

    /// <summary>The temperature that <paramref name="model"/> would have to have.</summary>
    /// <param name="model">Its own temperature has no say.</param>
    /// <param name="images">Images that were not trained on, in their own order. Of more than 10,000, so many at equal distances: they may come class by class.</param>
    /// <param name="ranks">Who score a share of the images each.</param>
    /// <param name="threads">Threads to compute with.</param>
    /// <param name="cancellation">Ends it, on all ranks.</param>
    public static double Fit(ImageClassifier model, ImageSequence images, TrainingRanks ranks, int threads, CancellationToken cancellation)
    {
        (float[] logits, int[] labels) = Score(model, images, ranks, threads, cancellation);
        if (TensorPrimitives.SumOfMagnitudes<float>(logits) is var size && !float.IsFinite(size))
        {
            return 1;
        }

        // The cross-entropy is convex in 1 / T: its slope is negative up to the best one.
        (double low, double high) = (1 / Highest, 1 / Lowest);
        for (int i = 0; i < Halvings; i++)
        {
            double middle = Math.Sqrt(low * high);
            (low, high) = Slope(logits, labels, middle) < 0 ? (middle, high) : (low, middle);
        }

        return 1 / Math.Sqrt(low * high);
    }

    /// <summary>d/dβ of the summed cross-entropy at T = 1 / β, and of the prior's (ln β)² / 2.</summary>
    private static double Slope(float[] logits, int[] labels, double beta)
    {
        int classes = logits.Length / labels.Length;
        double slope = Prior * Math.Log(beta) / beta;
        for (int n = 0; n < labels.Length; n++)
        {
            ReadOnlySpan<float> scores = logits.AsSpan(n * classes, classes);
            double largest = TensorPrimitives.Max(scores), sum = 0, mean = 0;
            for (int c = 0; c < classes; c++)
            {
                double power = Math.Exp(beta * (scores[c] - largest));
                sum += power;
                mean += power * scores[c];
            }

            slope += mean / sum - scores[labels[n]];
        }

        return slope;
    }

    private static (float[] Logits, int[] Labels) Score(ImageClassifier model, ImageSequence images, TrainingRanks ranks, int threads, CancellationToken cancellation)
    {
        int count = Math.Min(images.Count, MaxImages), size = model.InputShape.Size, classes = model.ClassCount;
        using ImagePredictor predictor = model.CreatePredictor(Math.Min(model.UsualBatchCapacity, count), threads);
        (float[] pixels, float[] logits, int[] labels) = (new float[predictor.BatchCapacity * size], new float[count * classes], new int[count]);
        Communicator communicator = ranks.Communicator;
        int[] starts = [.. Enumerable.Range(0, communicator.Size + 1).Select(rank => (int)((long)count * rank / communicator.Size))];
        bool isCancelled = false;
        try
        {
            ScoreOwn();
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            isCancelled = true;
        }

        ranks.ThrowIfCancelled(isCancelled, cancellation);
        communicator.AllGather<float>(logits, [.. starts.Select(start => start * classes)]);
        return (logits, labels);

        void ScoreOwn()
        {
            images.Begin(epoch: 0, isWanted: IsOwn);
            int waiting = 0;
            for (int n = 0; n < images.Count; n++)
            {
                cancellation.ThrowIfCancellationRequested();
                images.Next(pixels.AsSpan(waiting * size, size), IsOwn(n), out int label, out _);
                if (!IsTaken(n))
                {
                    continue;
                }

                labels[Place(n)] = label;
                waiting += IsOwn(n) ? 1 : 0;
                if (waiting == predictor.BatchCapacity || (waiting > 0 && Place(n) + 1 == starts[communicator.Rank + 1]))
                {
                    predictor.Score(pixels.AsSpan(0, waiting * size), logits.AsSpan((Place(n) + 1 - waiting) * classes, waiting * classes), waiting);
                    waiting = 0;
                }
            }
        }

        // The images that are taken lie at equal distances, as many before image n as this.
        int Place(int n) => (int)((long)n * count / images.Count);

        bool IsTaken(int n) => Place(n + 1) > Place(n);

        bool IsOwn(int n) => IsTaken(n) && starts[communicator.Rank] <= Place(n) && Place(n) < starts[communicator.Rank + 1];
    }
}
