using System.Numerics.Tensors;
using Kfac.Memory;
using Kfac.Parallel;
using Kfac.Running;

namespace Kfac.Optimizers;

/// <summary>
/// The parameters' own running average, a = b·a + (1-b)·w freed of its start (Polyak and Juditsky 1992; with K-FAC: Martens
/// and Grosse 2015, section 13): what a network predicts with while its training still jumps about.
/// </summary>
internal sealed class ParameterAverage
{
    private const string AverageName = "average", WeightName = "averageWeight";

    private readonly Network _network;
    private readonly Chunks _chunks;
    private readonly AlignedBuffer _average;
    private readonly ChunkAction _addChunk;
    private readonly float _decay;
    private Optimizer _optimizer = null!;
    private double _weight;
    private float _gain;

    /// <param name="network">Whose parameters.</param>
    /// <param name="steps">Steps that the average looks back on, about; more than 1.</param>
    public ParameterAverage(Network network, double steps)
    {
        _network = network;
        _chunks = new Chunks(network.Workers, network.Store.Length);
        _average = new AlignedBuffer(network.Store.Length);
        _addChunk = AddChunk;
        _decay = (float)(1 - 1 / steps);
    }

    /// <summary>Takes in the parameters that the last step began with: their loss is known to be finite.</summary>
    public void Add(Optimizer optimizer)
    {
        _optimizer = optimizer;
        _weight = _decay * _weight + 1;
        _gain = (float)(1 / _weight);
        _chunks.Run(_average.Length, _addChunk);
    }

    /// <summary>Puts the average into the network and the network's parameters here, or back again.</summary>
    public void Swap()
    {
        if (_weight == 0)
        {
            return;
        }

        Span<float> values = _network.Store.Values.Span;
        foreach (Parameter frozen in _network.FrozenParameters)
        {
            // The average of what never changes differs from it by roundings.
            frozen.Values.CopyTo(_average.Span.Slice(frozen.Offset, frozen.Length));
        }

        float[] kept = values.ToArray();
        _average.Span.CopyTo(values);
        kept.CopyTo(_average.Span);
        _network.Store.MarkChanged();
    }

    /// <summary>Copies the average out to <paramref name="state"/>, or back from it.</summary>
    public void CaptureOrRestore(StateDictionary state)
    {
        state.CaptureOrRestore(AverageName, _average.Span);
        state.CaptureOrRestore(WeightName, ref _weight);
        state.RequirePossible(_weight is 0 or >= 1);
    }

    /// <summary>Leaves out the average that an earlier training may have had: this one has none, or begins one.</summary>
    public static void PassOver(StateDictionary state)
    {
        state.PassOver(AverageName);
        state.PassOver(WeightName);
    }

    /// <summary>a += (w - a) / weight.</summary>
    private void AddChunk(int start, int length)
    {
        Span<float> average = _average.Span.Slice(start, length);
        TensorPrimitives.Lerp(average, _optimizer.LastGoodValues.Slice(start, length), _gain, average);
    }
}
