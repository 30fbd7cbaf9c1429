using System.Numerics.Tensors;
using Kfac.Images;
using Kfac.Optimizers;
using Kfac.Running;

namespace Kfac.Training;

/// <summary>What a network with the parameters of this moment predicts for many images, not augmented.</summary>
internal sealed class Evaluation(Network network, SoftmaxCrossEntropy loss, BatchLoader loader)
{
    /// <summary>With parameters up to here no score comes near the largest number there is.</summary>
    private const float LargestUsual = 1e4f;

    /// <summary>Mean cross-entropy, without weights and smoothing, and share classified correctly.</summary>
    /// <param name="images">All of them are gone through.</param>
    /// <param name="what">Their name in a message, as "the validation images".</param>
    /// <param name="cancellation">Heeded between two batches.</param>
    /// <exception cref="TrainingDivergedException">A score is not finite.</exception>
    public (double Loss, double Accuracy) Measure(ImageSequence images, string what, CancellationToken cancellation)
    {
        double sum = 0;
        int correct = 0;
        loader.Begin(images, epoch: 0, augments: false);
        for (int batches = loader.BatchCount(images); batches > 0; batches--)
        {
            cancellation.ThrowIfCancellationRequested();
            LoadedBatch batch = loader.Take();
            for (int n = 0; n < batch.Count; n++)
            {
                network.Input.Write(n, batch.Image(n));
            }

            network.Forward(batch.Count);
            (double lossSum, int right) = loss.ForwardPlain(network.Logits, batch.Labels.AsSpan(0, batch.Count));
            sum += lossSum;
            correct += right;
        }

        return double.IsFinite(sum)
            ? (sum / images.Count, (double)correct / images.Count)
            : throw new TrainingDivergedException($"training diverged: with the trained parameters, scores of {what} are not finite; lower the learning rate, or look for images whose pixels are far from the others'");
    }

    /// <summary>
    /// Nobody has seen what the parameters of a model, an average maybe, make of most images. Where they are so large that scores
    /// may overflow, <paramref name="images"/> are gone through once more, unless that is cancelled.
    /// </summary>
    /// <exception cref="TrainingDivergedException">A score is not finite.</exception>
    public void RequireFiniteScores(ImageSequence images, string what, CancellationToken cancellation)
    {
        if (TensorPrimitives.MaxMagnitude(network.Store.Values.Span) <= LargestUsual)
        {
            return;
        }

        try
        {
            Measure(images, what, cancellation);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // The model is ready all the same.
        }
    }
}
