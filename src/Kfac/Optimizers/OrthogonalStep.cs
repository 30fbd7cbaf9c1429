using Kfac.Memory;
using Kfac.Parallel;
using Kfac.Running;

namespace Kfac.Optimizers;

/// <summary>
/// w -= α·0.2·√max(F, K)·orth(d) for some weights, as matrices [F, K] ([RSC, K] of a filter): every singular value of the step
/// has nearly the same size, whatever the direction d was (Jordan et al. 2024).
/// </summary>
/// <remarks>The factor gives the step's elements a root mean square of 0.2·α, about Adam's (Liu et al. 2025).</remarks>
internal sealed unsafe class OrthogonalStep
{
    private const double UpdateSize = 0.2;

    private readonly Workers _workers;
    private readonly (Parameter Weights, float LearningRate, NewtonSchulz Orthogonalization)[] _matrices;
    private readonly WorkerAction _iterate;

    /// <param name="network">Whose weights.</param>
    /// <param name="matrices">The weights, each with its α.</param>
    public OrthogonalStep(Network network, IEnumerable<(Parameter Weights, float LearningRate)> matrices)
    {
        _workers = network.Workers;
        _matrices = [.. matrices.Select(matrix => (matrix.Weights, matrix.LearningRate, new NewtonSchulz(matrix.Weights.Length / matrix.Weights.Shape[^1], matrix.Weights.Shape[^1])))];
        _iterate = (matrix, _) => _matrices[matrix].Orthogonalization.Iterate(network.Workers.Cancellation);
    }

    /// <summary>Takes the step, along a direction as long as the store's arrays.</summary>
    /// <param name="direction">d; read only where the weights are.</param>
    /// <param name="scheduleFactor">Multiplies α.</param>
    public void Move(AlignedBuffer direction, double scheduleFactor)
    {
        foreach ((Parameter weights, _, NewtonSchulz orthogonalization) in _matrices)
        {
            orthogonalization.FormGram(_workers, direction.Pointer + weights.Offset);
        }

        _workers.Run(_matrices.Length, _iterate);
        foreach ((Parameter weights, float learningRate, NewtonSchulz orthogonalization) in _matrices)
        {
            double factor = -scheduleFactor * learningRate * UpdateSize * Math.Sqrt(orthogonalization.LongerSide);
            orthogonalization.AddTo(_workers, direction.Pointer + weights.Offset, factor, weights.ValuesPointer);
        }
    }
}
