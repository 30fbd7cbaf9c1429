using Kfac.Curvature;
using Kfac.Parallel;

namespace Kfac.Optimizers;

/// <summary>When the blocks' inverses are computed and put to use.</summary>
/// <remarks>
/// The first one follows the first statistic; then, while the average still grows, one at every fourth power of 2, and
/// from then on one every period. Ranks share the blocks out by cost and send each other the inverses; those that another thread
/// computes, every rank computes for itself.
/// </remarks>
internal sealed class InverseSchedule
{
    private readonly FisherBlock[] _blocks, _own;
    private readonly int[] _owners;
    private readonly Workers _workers;
    private readonly Communicator _ranks;
    private readonly int _period, _delay;
    private Task? _computation;
    private long _dueStep;
    private bool _hasInverses;

    /// <param name="blocks">Whose inverses.</param>
    /// <param name="workers">Who computes them.</param>
    /// <param name="ranks">Who shares them.</param>
    /// <param name="period">Steps from one to the next.</param>
    /// <param name="delay">Steps until one is put to use; 0 for at once.</param>
    public InverseSchedule(FisherBlock[] blocks, Workers workers, Communicator ranks, int period, int delay)
    {
        (_blocks, _workers, _ranks, _period, _delay) = (blocks, workers, ranks, period, delay);
        _owners = WorkShares.ByCost([.. blocks.Select(block => block.InverseCost)], ranks.Size);
        _own = IsShared ? [.. blocks.Where((_, i) => _owners[i] == ranks.Rank)] : blocks;
    }

    private bool IsShared => _ranks.Size > 1 && _delay == 0 && Array.Exists(_blocks, block => block.InverseCost > 0);

    /// <summary>Brings the inverses up to date for a step.</summary>
    /// <param name="step">1 for the first step.</param>
    public void Advance(long step)
    {
        if (!_hasInverses || (_delay == 0 && IsTime(step)))
        {
            _hasInverses = true;
            Refresh(_ => true);
            return;
        }

        if (_computation is not null && step >= _dueStep)
        {
            EndComputation();
            Array.ForEach(_blocks, block => block.PublishInverse());
        }

        if (_computation is null && IsTime(step))
        {
            Array.ForEach(_own, block => block.PrepareInverse());
            _dueStep = step + _delay;

            // Not to be cancelled: a checkpoint of this moment needs its result.
            _computation = Task.Run(() => Array.ForEach(_own, block => block.ComputeInverse(CancellationToken.None)));
        }
    }

    /// <summary>For another damping: computes the inverses that have it anew at once, where there are any; all of them where some are under way.</summary>
    public void RefreshDamped()
    {
        if (_hasInverses)
        {
            Refresh(_computation is not null ? _ => true : block => block.InverseHasDamping);
        }
    }

    private void Refresh(Predicate<FisherBlock> isMeant)
    {
        EndComputation();
        FisherBlock[] own = Array.FindAll(_own, isMeant);
        Array.ForEach(own, block => block.PrepareInverse());
        _workers.Run(own.Length, (i, _) => own[i].ComputeInverse(_workers.Cancellation));
        Share(isMeant);
        Array.ForEach(Array.FindAll(_blocks, isMeant), block => block.PublishInverse());
    }

    /// <summary>
    /// Copies the inverses in use, those that wait for their step, and the blocks' own memory out to <paramref name="state"/>, or
    /// back from it. A computation under way is waited for.
    /// </summary>
    public void CaptureOrRestore(StateDictionary state)
    {
        _computation?.GetAwaiter().GetResult();
        bool isWaiting = _computation is not null;
        state.CaptureOrRestore("hasInverses", ref _hasInverses);
        state.CaptureOrRestore("inversesAreWaiting", ref isWaiting);
        state.CaptureOrRestore("inversesAreDue", ref _dueStep);
        state.RequirePossible(_hasInverses ? Array.TrueForAll(_blocks, block => block.HasCurvature) : !isWaiting);
        _computation = isWaiting ? Task.CompletedTask : null;
        for (int i = 0; i < _blocks.Length; i++)
        {
            _blocks[i].CaptureOrRestore(state, $"block{i}");
            if (_hasInverses)
            {
                _blocks[i].CaptureOrRestoreInverse(state, $"block{i}.inverse");
            }

            if (isWaiting)
            {
                _blocks[i].CaptureOrRestoreNextInverse(state, $"block{i}.nextInverse");
            }
        }
    }

    /// <summary>Waits for what another thread computes; a cancelled training leaves it to itself.</summary>
    private void EndComputation()
    {
        if (_computation is not null)
        {
            Task.WaitAny([_computation], _workers.Cancellation);
            _computation.GetAwaiter().GetResult();
            _computation = null;
        }
    }

    private bool IsTime(long step) => step % _period == 0 || (step < _period && step is 4 or 16 or 64);

    /// <summary>Each rank in turn sends the others the inverses of its blocks, and how they were come by.</summary>
    private void Share(Predicate<FisherBlock> isMeant)
    {
        for (int rank = 0; IsShared && rank < _ranks.Size; rank++)
        {
            byte[] bytes = rank == _ranks.Rank ? Write(rank, isMeant) : [];
            int[] length = [bytes.Length];
            _ranks.Broadcast<int>(length, rank);
            Array.Resize(ref bytes, length[0]);
            _ranks.Broadcast<byte>(bytes, rank);
            if (rank != _ranks.Rank && !StateDictionary.Read(new MemoryStream(bytes)).TryRestore(state => CaptureOrRestoreComputed(state, rank, isMeant)))
            {
                throw new CommunicatorException($"rank {rank} sent inverses of other blocks than its own");
            }
        }
    }

    private byte[] Write(int rank, Predicate<FisherBlock> isMeant)
    {
        using var stream = new MemoryStream();
        StateDictionary.Capture(state => CaptureOrRestoreComputed(state, rank, isMeant)).Write(stream);
        return stream.ToArray();
    }

    private void CaptureOrRestoreComputed(StateDictionary state, int rank, Predicate<FisherBlock> isMeant)
    {
        for (int i = 0; i < _blocks.Length; i++)
        {
            if (_owners[i] == rank && _blocks[i].InverseCost > 0 && isMeant(_blocks[i]))
            {
                _blocks[i].CaptureOrRestore(state, $"block{i}");
                _blocks[i].CaptureOrRestoreNextInverse(state, $"block{i}.nextInverse");
            }
        }
    }
}
