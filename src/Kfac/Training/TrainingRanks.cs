using Kfac.Images;
using Kfac.Models;
using Kfac.Parallel;
using Kfac.Running;

namespace Kfac.Training;

/// <summary>What the ranks of a training tell each other beside the sums of a step, so that all of them do the same.</summary>
internal sealed class TrainingRanks(Communicator communicator)
{
    /// <summary>The ranks.</summary>
    public Communicator Communicator => communicator;

    /// <summary>Whether this is a process by itself.</summary>
    public bool IsSolo => communicator.Size == 1;

    /// <summary>Whether the training was cancelled, on all ranks at the same step.</summary>
    public bool IsCancelled { get; private set; }

    /// <summary>The scaling of <paramref name="images"/>, for which rank 0 alone reads them.</summary>
    public InputScaling MeasureScaling(ImageSet images)
    {
        if (IsSolo)
        {
            return images.MeasureScaling();
        }

        int channels = images.Shape.Channels;
        var values = new float[2 * channels];
        if (communicator.Rank == 0)
        {
            InputScaling measured = images.MeasureScaling();
            values = [.. measured.Mean, .. measured.Factor];
        }

        communicator.Broadcast<float>(values, root: 0);
        return new InputScaling(images.Shape, values[..channels], values[channels..]);
    }

    /// <summary>Sets the first filter of a new network as <see cref="PatchWhitening"/> does; rank 0 alone reads images for it.</summary>
    public void WhitenPatches(Network network, ImageSet training, InputScaling scaling, int seed)
    {
        if (!PatchWhitening.IsAskedFor(network))
        {
            return;
        }

        if (communicator.Rank == 0)
        {
            using ImageSequence images = training.Open(seed);
            PatchWhitening.Apply(network, images, scaling);
        }

        communicator.Broadcast(network.Store.Parameters[0].MutableValues, root: 0);
        network.Store.MarkChanged();
    }

    /// <summary>The smallest of the ranks' batch sizes: every rank has memory for it.</summary>
    public int AgreeOnBatchSize(int chosen, Action<string>? warn)
    {
        int[] all = communicator.AllGather(chosen);
        int least = all.Min();
        if (least < chosen)
        {
            warn?.Invoke($"rank {Array.IndexOf(all, least)} has memory for steps of at most {least} images: all ranks take such ones");
        }

        return least;
    }

    /// <summary>Refuses what would let the ranks' models part, or have one wait for ever.</summary>
    /// <exception cref="CommunicatorException">A rank was given something else than rank 0; the message names it.</exception>
    public void RequireSameStart(TrainingOptions options, ImageSet training, ImageSet? validation, Network network, bool remembers)
    {
        if (IsSolo)
        {
            return;
        }

        Dictionary<string, string> settings = TrainingSettings.DescribeOptions(options, network.Spec);
        string[] names = [.. settings.Keys.Order(StringComparer.Ordinal)];
        RankAgreement.Require(
            communicator,
            ("the kind of its network or options", RankAgreement.Hash<char>(string.Join('\n', names))),
            ("the number of training images of a class", RankAgreement.Hash<int>([.. training.ClassCounts])),
            ("the number of validation images of a class", RankAgreement.Hash<int>([.. validation?.ClassCounts ?? []])),
            ("the initial weights", RankAgreement.Hash<float>(network.Store.Values.Span)),
            ("what the previous model's optimizer remembers", remembers ? 1u : 0u));
        RankAgreement.Require(communicator, [.. names.Select(name => (name, RankAgreement.Hash<char>(settings[name])))]);
    }

    /// <summary>Brings the moment that rank 0 goes on from to the others, which need not see its checkpoints.</summary>
    /// <param name="hasResumed">Whether it has gone on from a checkpoint; of no account on other ranks.</param>
    /// <param name="exchange">Names everything that the training is.</param>
    /// <param name="history">Its reports; replaced.</param>
    public void ShareMoment(bool hasResumed, Action<StateDictionary> exchange, List<EpochReport> history)
    {
        if (IsSolo)
        {
            return;
        }

        byte[] moment = hasResumed ? Capture(exchange, history) : [];
        int[] length = [moment.Length];
        communicator.Broadcast<int>(length, root: 0);
        if (length[0] == 0)
        {
            return;
        }

        Array.Resize(ref moment, length[0]);
        communicator.Broadcast<byte>(moment, root: 0);
        if (communicator.Rank > 0)
        {
            using var stream = new MemoryStream(moment);
            var checkpoint = Checkpoint.Read(stream);
            history.Clear();
            history.AddRange(checkpoint.History);
            if (!checkpoint.State.TryRestore(exchange))
            {
                throw new InvalidDataException("rank 0 goes on from a checkpoint that does not hold what this rank's training is made of: all ranks need the same version of the library");
            }
        }
    }

    /// <summary>Takes over rank 0's times, so that all ranks have the same report.</summary>
    public void ShareClock(TrainingProgress progress)
    {
        Span<double> times = [progress.Seconds, progress.SecondsBefore];
        communicator.Broadcast(times, root: 0);
        (progress.Seconds, progress.SecondsBefore) = (times[0], times[1]);
    }

    /// <summary>The loader's next batch. All ranks stop at the same one.</summary>
    /// <exception cref="OperationCanceledException">Some rank's training was cancelled.</exception>
    public LoadedBatch TakeUnlessCancelled(BatchLoader loader, CancellationToken cancellation)
    {
        LoadedBatch? batch = null;
        bool isCancelled = false;
        try
        {
            cancellation.ThrowIfCancellationRequested();
            batch = loader.Take();
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested && !IsSolo)
        {
            isCancelled = true;
        }

        ThrowIfCancelled(isCancelled, cancellation);
        return batch!;
    }

    /// <summary>Ends the training of all ranks if that of some rank <paramref name="isCancelled"/>.</summary>
    /// <exception cref="OperationCanceledException">It is.</exception>
    public void ThrowIfCancelled(bool isCancelled, CancellationToken cancellation)
    {
        IsCancelled = communicator.Any(isCancelled);
        if (IsCancelled)
        {
            throw new OperationCanceledException(cancellation);
        }
    }

    private static byte[] Capture(Action<StateDictionary> exchange, IReadOnlyList<EpochReport> history)
    {
        using var stream = new MemoryStream();
        new Checkpoint(new Dictionary<string, string>(), history, StateDictionary.Capture(exchange)).Write(stream);
        return stream.ToArray();
    }
}
