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
    private readonly WorkerAction _sumPart, _addTap;
    private float* _result;
    private ExampleRange _range;
    private int _examples;

    /// <param name="covariance">What is done.</param>
    /// <param name="inputs">The maps [N, H, W, C] whose patches they are.</param>
    /// <param name="workers">Who does it.</param>
    public BatchCovariance(PatchCovariance covariance, ActivationBuffer inputs, Workers workers)
    {
        (_covariance, _inputs, _workers, Sums) = (covariance, inputs, workers, new AlignedBuffer(covariance.SumsLength));
        _sumPart = (part, _) => _covariance.SumPart(part, _inputs[_range.First], _inputs.ImageStride, _range.Count, Sums.Pointer);
        _addTap = (tap, _) => _covariance.AddTap(tap, _examples, Sums.Pointer, _result);
    }

    /// <summary>What the examples so far come to, in the parts that the covariance is made of.</summary>
    public AlignedBuffer Sums { get; }

    /// <summary>Adds examples to <see cref="Sums"/>.</summary>
    public void Add(ExampleRange range)
    {
        Debug.Assert(!_inputs.IsTransient);
        _range = range;
        _workers.Run(_covariance.Parts, _sumPart);
    }

    /// <summary>Moves the sums, of <paramref name="examples"/> examples, to <paramref name="result"/> [P, P]; what lies above its diagonal is left in any state.</summary>
    public void MoveTo(AlignedBuffer result, int examples)
    {
        _result = result.Pointer;
        _examples = examples;
        _workers.Run(_covariance.Taps, _addTap);
        Sums.Span.Clear();
    }
}
