using Kfac.Curvature;
using Kfac.Parallel;

namespace Kfac.Optimizers;

/// <summary>When the blocks' inverses are computed and put to use.</summary>
/// <remarks>
/// The first one follows the first statistic; then, while the average still grows, one at every fourth power of 2, and
/// from then on one every period.
/// </remarks>
internal sealed class InverseSchedule(FisherBlock[] blocks, Workers workers, int period, int delay)
{
    private Task? _computation;
    private long _dueStep;
    private bool _hasInverses;

    /// <summary>Brings the inverses up to date for a step.</summary>
    /// <param name="step">1 for the first step.</param>
    public void Advance(long step)
    {
        if (!_hasInverses || (delay == 0 && IsTime(step)))
        {
            _hasInverses = true;
            Refresh();
            return;
        }

        if (_computation is not null && step >= _dueStep)
        {
            EndComputation();
            Publish();
        }

        if (_computation is null && IsTime(step))
        {
            Prepare();
            _dueStep = step + delay;
            _computation = Task.Run(() => Array.ForEach(blocks, block => block.ComputeInverse()));
        }
    }

    /// <summary>Computes the inverses anew at once, where there are any.</summary>
    public void Refresh()
    {
        if (!_hasInverses)
        {
            return;
        }

        EndComputation();
        Prepare();
        workers.Run(blocks.Length, (i, _) => blocks[i].ComputeInverse());
        Publish();
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
        state.RequirePossible(_hasInverses ? Array.TrueForAll(blocks, block => block.HasCurvature) : !isWaiting);
        _computation = isWaiting ? Task.CompletedTask : null;
        for (int i = 0; i < blocks.Length; i++)
        {
            blocks[i].CaptureOrRestore(state, $"block{i}");
            if (_hasInverses)
            {
                blocks[i].CaptureOrRestoreInverse(state, $"block{i}.inverse");
            }

            if (isWaiting)
            {
                blocks[i].CaptureOrRestoreNextInverse(state, $"block{i}.nextInverse");
            }
        }
    }

    /// <summary>Waits for what another thread computes; a cancelled training leaves it to itself.</summary>
    private void EndComputation()
    {
        if (_computation is not null)
        {
            Task.WaitAny([_computation], workers.Cancellation);
            _computation.GetAwaiter().GetResult();
            _computation = null;
        }
    }

    private bool IsTime(long step) => step % period == 0 || (step < period && step is 4 or 16 or 64);

    private void Prepare() => Array.ForEach(blocks, block => block.PrepareInverse());

    private void Publish() => Array.ForEach(blocks, block => block.PublishInverse());
}
