using System.Numerics.Tensors;
using Kfac.Images;
using Kfac.Memory;
using Kfac.Optimizers;
using Kfac.Running;

namespace Kfac.Training;

/// <summary>What a network predicts with the parameters of this moment. All ranks come to the same result.</summary>
internal sealed class Evaluation(Network network, Optimizer optimizer, BatchLoader loader, BatchFeed batches)
{
    /// <summary>Scores must stay finite for inputs that are so many times as large: room for the images that nobody looked at.</summary>
    private const float Margin = 4096;

    /// <summary>Mean cross-entropy, without weights and smoothing, and share classified correctly.</summary>
    /// <param name="images">All of them are gone through, not augmented.</param>
    /// <param name="what">Their name in a message, as "the validation images".</param>
    /// <param name="cancellation">Heeded between two batches.</param>
    /// <exception cref="TrainingDivergedException">A score is not finite.</exception>
    public (double Loss, double Accuracy) Measure(ImageSequence images, string what, CancellationToken cancellation)
    {
        double sum = 0;
        int correct = 0;
        loader.Begin(images, epoch: 0, augments: false);
        for (int batch = 0; batch < loader.BatchCount(images); batch++)
        {
            ReadOnlySpan<int> labels = batches.Take(cancellation);
            network.Forward(labels.Length);
            (double lossSum, int right) = optimizer.Loss.ForwardPlain(network.Logits, labels);
            sum += lossSum;
            correct += right;
        }

        return double.IsFinite(sum)
            ? (sum / images.Count, (double)correct / images.Count)
            : throw new TrainingDivergedException($"training diverged: with the trained parameters, scores of {what} are not finite; {optimizer.Advice}, or look for images whose pixels are far from the others'");
    }

    /// <summary>
    /// One forward pass of the last batch, its input multiplied by <see cref="Margin"/>. If its scores are finite, so are those of
    /// the images within that margin: unless a layer normalises each image, activations grow at most in proportion to the input.
    /// The batch is spoiled.
    /// </summary>
    /// <exception cref="TrainingDivergedException">A parameter or a score is not finite.</exception>
    public void RequireRange()
    {
        if (!float.IsFinite(TensorPrimitives.Sum<float>(network.Store.Values.Span)))
        {
            throw new TrainingDivergedException($"training diverged: trained parameters are not finite; {optimizer.Advice}");
        }

        // A training that goes on from a checkpoint may be cancelled before it takes a batch.
        if (batches.Count > 0 && !IsFiniteWithMargin())
        {
            throw new TrainingDivergedException($"training diverged: the trained parameters are so large that images {Margin} times as bright as those of the last batch get scores that are not finite; {optimizer.Advice}");
        }
    }

    private bool IsFiniteWithMargin()
    {
        int count = batches.Count;
        ExampleRange own = new BatchPartition(count, network.Ranks).Own;
        for (int n = own.First; n < own.End; n++)
        {
            for (int row = 0; row < network.Input.Shape.Height; row++)
            {
                Span<float> values = network.Input.Row(n, row);
                TensorPrimitives.Multiply(values, Margin, values);
            }
        }

        // It is short, and a model that is kept when a training is cancelled needs it, too.
        (CancellationToken cancellation, network.Workers.Cancellation) = (network.Workers.Cancellation, default);
        network.Forward(count);
        network.Workers.Cancellation = cancellation;
        return double.IsFinite(optimizer.Loss.ForwardPlain(network.Logits, new int[count]).LossSum);
    }
}
