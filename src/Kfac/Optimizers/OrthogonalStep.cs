using Kfac.Memory;
using Kfac.Parallel;
using Kfac.Running;

namespace Kfac.Optimizers;

/// <summary>
/// w -= α·0.2·√max(F, K)·orth(d) for some weights, as matrices [F, K] ([RSC, K] of a filter): every singular value of the step
/// has nearly the same size, whatever the direction d was (Jordan et al. 2024).
/// </summary>
/// <remarks>
/// The factor gives the step's elements a root mean square of 0.2·α, about Adam's (Liu et al. 2025). Ranks share the matrices out by
/// cost, and send each other the weights.
/// </remarks>
internal sealed unsafe class OrthogonalStep
{
    private const double UpdateSize = 0.2;

    private readonly Workers _workers;
    private readonly Communicator _ranks;
    private readonly Item[] _items, _own, _small;
    private readonly WorkerAction _iterate;

    /// <param name="network">Whose weights.</param>
    /// <param name="matrices">The weights, each with its α.</param>
    public OrthogonalStep(Network network, IEnumerable<(Parameter Weights, float LearningRate)> matrices)
    {
        (_workers, _ranks) = (network.Workers, network.Ranks);
        // The costliest first: workers take them in this order.
        _items = [.. matrices.Select(matrix => new Item(matrix.Weights, matrix.LearningRate, new NewtonSchulz(matrix.Weights.Length / matrix.Weights.Shape[^1], matrix.Weights.Shape[^1])))
            .OrderByDescending(item => item.Orthogonalization.MultiplyAdds)];
        int[] owners = WorkShares.ByCost([.. _items.Select(item => (double)item.Orthogonalization.MultiplyAdds)], _ranks.Size);
        _items = [.. _items.Zip(owners, (item, owner) => item with { Owner = owner })];
        _own = [.. _items.Where(item => item.Owner == _ranks.Rank)];
        _small = [.. _own.Where(item => !item.Orthogonalization.IsLarge)];
        _iterate = (item, _) => _small[item].Orthogonalization.Iterate(workers: null, _workers.Cancellation);
    }

    /// <summary>Takes the step, along a direction as long as the store's arrays.</summary>
    /// <param name="direction">d; read only where the weights are.</param>
    /// <param name="scheduleFactor">Multiplies α.</param>
    public void Move(AlignedBuffer direction, double scheduleFactor)
    {
        foreach (Item item in _own)
        {
            item.Orthogonalization.FormGram(_workers, direction.Pointer + item.Weights.Offset);
            if (item.Orthogonalization.IsLarge)
            {
                item.Orthogonalization.Iterate(_workers, _workers.Cancellation);
            }
        }

        _workers.Run(_small.Length, _iterate);
        foreach (Item item in _own)
        {
            double factor = -scheduleFactor * item.LearningRate * UpdateSize * Math.Sqrt(item.Orthogonalization.LongerSide);
            item.Orthogonalization.AddTo(_workers, direction.Pointer + item.Weights.Offset, factor, item.Weights.ValuesPointer);
        }

        foreach (Item item in _items)
        {
            _ranks.Broadcast(new Span<float>(item.Weights.ValuesPointer, item.Weights.Length), item.Owner);
        }
    }

    /// <param name="Weights">The matrix.</param>
    /// <param name="LearningRate">Its α.</param>
    /// <param name="Orthogonalization">For its shape.</param>
    /// <param name="Owner">The rank that computes its step.</param>
    private sealed record Item(Parameter Weights, float LearningRate, NewtonSchulz Orthogonalization, int Owner = 0);
}
