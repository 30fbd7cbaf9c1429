using System.Diagnostics;
using Kfac.Kernels;
using Kfac.Memory;
using Kfac.Parallel;

namespace Kfac.Curvature;

/// <summary>A <see cref="PatchCovariance"/> on all workers, with the memory that it needs.</summary>
internal sealed unsafe class BatchCovariance
{
    private readonly PatchCovariance _covariance;
    private readonly ActivationBuffer _inputs;
    private readonly Workers _workers;
    private readonly AlignedBuffer _sums;
    private readonly WorkerAction _sumPart, _addTap;
    private float* _result;
    private int _examples;

    /// <param name="covariance">What is done.</param>
    /// <param name="inputs">The maps [N, H, W, C] whose patches they are.</param>
    /// <param name="workers">Who does it.</param>
    public BatchCovariance(PatchCovariance covariance, ActivationBuffer inputs, Workers workers)
    {
        (_covariance, _inputs, _workers, _sums) = (covariance, inputs, workers, new AlignedBuffer(covariance.SumsLength));
        _sumPart = (part, _) => _covariance.SumPart(part, _inputs[0], _inputs.ImageStride, _examples, _sums.Pointer);
        _addTap = (tap, _) => _covariance.AddTap(tap, _examples, _sums.Pointer, _result);
    }

    /// <summary>Adds the first <paramref name="examples"/> examples' sum to <paramref name="result"/> [P, P]; what lies above the diagonal is left in any state.</summary>
    public void AddTo(AlignedBuffer result, int examples)
    {
        Debug.Assert(!_inputs.IsTransient);
        _result = result.Pointer;
        _examples = examples;
        _workers.Run(_covariance.Parts, _sumPart);
        _workers.Run(_covariance.Taps, _addTap);
    }
}
