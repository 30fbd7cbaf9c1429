using Kfac.Images;
using Kfac.Memory;
using Kfac.Running;

namespace Kfac.Training;

/// <summary>Puts the loader's batches before the network, and their weights and second labels before the loss.</summary>
/// <param name="loader">Where the batches come from.</param>
/// <param name="network">Gets the images of this rank.</param>
/// <param name="loss">Gets what is known of all images.</param>
/// <param name="classFactors">Factor of each class on its images' weights.</param>
/// <param name="ranks">Those who train together.</param>
internal sealed class BatchFeed(BatchLoader loader, Network network, SoftmaxCrossEntropy loss, float[] classFactors, TrainingRanks ranks)
{
    /// <summary>The batch that is before the network; null if there is none.</summary>
    public LoadedBatch? Last { get; private set; }

    /// <summary>Images before the network, those of a batch that is done with included.</summary>
    public int Count { get; private set; }

    /// <summary>Takes the next batch.</summary>
    /// <returns>Its classes.</returns>
    /// <exception cref="OperationCanceledException">Some rank's training was cancelled.</exception>
    public ReadOnlySpan<int> Take(CancellationToken cancellation)
    {
        LoadedBatch batch = Last = ranks.TakeUnlessCancelled(loader, cancellation);
        Count = batch.Count;
        ExampleRange own = new BatchPartition(batch.Count, ranks.Communicator).Own;
        for (int n = own.First; n < own.End; n++)
        {
            network.Input.Write(n, batch.Image(n));
        }

        for (int n = 0; n < batch.Count; n++)
        {
            int partner = batch.Partners[n];
            float ownWeight = batch.Shares[n] * Weight(batch, n), otherWeight = (1 - batch.Shares[n]) * Weight(batch, partner);
            loss.Weights[n] = ownWeight + otherWeight;
            loss.OtherLabels[n] = batch.Labels[partner];
            loss.Shares[n] = otherWeight > 0 ? ownWeight / (ownWeight + otherWeight) : 1;
        }

        return batch.Labels.AsSpan(0, batch.Count);
    }

    /// <summary>The batch is done with.</summary>
    public void Forget() => Last = null;

    private float Weight(LoadedBatch batch, int n) => batch.Weights[n] * classFactors[batch.Labels[n]];
}
