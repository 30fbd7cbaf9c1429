using Kfac.Images;
using Kfac.Memory;
using Kfac.Models;
using Kfac.Parallel;
using Kfac.Running;

namespace Kfac.Audit;

/// <summary>
/// The diagonal of the Fisher information of a trained model's predictions (Amari 1998): for each parameter w, how much
/// the predicted distribution moves when w moves, D = (1/N) sum_n sum_c p_n[c] (∂ ln p_n[c] / ∂w)².
/// </summary>
/// <remarks>
/// Exact, with a backward pass for each class, so that nothing is drawn at random; the images' labels play no part. A
/// training works with a running average of estimates of it instead (<see cref="Curvature.DiagonalFB.Factor"/>).
/// </remarks>
public static class FisherDiagonal
{
    private const int BatchSize = 64;

    /// <summary>The diagonal over <paramref name="images"/>, at the model's parameters.</summary>
    /// <param name="model">The trained model; is not changed.</param>
    /// <param name="images">At least one image of the shape that the model classifies, in the unit of its training images.</param>
    /// <param name="threads">Threads to compute with; 0 takes all processors. The result does not depend on it.</param>
    /// <param name="cancellation">Ends the computation after the batch at work.</param>
    /// <returns>An array for each of <see cref="ImageClassifier.Parameters"/>, of its length and order, in units of 1 / w²; 0 for what is not trained, such as whitening filters and running statistics.</returns>
    /// <exception cref="ArgumentException">There is no image, or images of another shape.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellation"/> was cancelled.</exception>
    public static IReadOnlyList<float[]> Of(ImageClassifier model, IImageSource images, int threads = 0, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(images);
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        if (images.Count == 0 || images.Shape != model.InputShape)
        {
            throw new ArgumentException($"there must be images of {model.InputShape}, but there are {images.Count} of {images.Shape}", nameof(images));
        }

        using var workers = new Workers(threads == 0 ? Environment.ProcessorCount : threads);
        var network = new Network(model.Spec, Math.Min(BatchSize, images.Count), workers, trains: true, model.Store.CopyValues());
        var softmax = new SoftmaxCrossEntropy(model.ClassCount, network.Capacity);
        double[][] sums = [.. network.Store.Parameters.Select(parameter => new double[parameter.Length])];
        var pixels = new float[images.Shape.Size];
        for (int first = 0; first < images.Count; first += network.Capacity)
        {
            cancellation.ThrowIfCancellationRequested();
            int count = Math.Min(network.Capacity, images.Count - first);
            for (int n = 0; n < count; n++)
            {
                images.ReadImage(first + n, pixels);
                model.Scaling.Write(pixels, network.Input, n);
            }

            network.Forward(count);
            softmax.Normalize(network.Logits, count);
            for (int c = 0; c < model.ClassCount; c++)
            {
                softmax.WriteFisherColumn(c, count, network.LogitsGradient!);
                network.Backward(BackwardQuantities.SquaredGradient);
                AddSquares(network.Store.Parameters, count, sums);
            }
        }

        return [.. sums.Select(sum => Array.ConvertAll(sum, value => (float)(value / images.Count)))];
    }

    /// <summary>sums += <paramref name="examples"/> · mean over them of the squared per-example gradients.</summary>
    private static void AddSquares(IReadOnlyList<Parameter> parameters, int examples, double[][] sums)
    {
        for (int p = 0; p < sums.Length; p++)
        {
            ReadOnlySpan<float> means = parameters[p].SquaredGradient;
            for (int i = 0; i < means.Length; i++)
            {
                sums[p][i] += (double)examples * means[i];
            }
        }
    }
}
