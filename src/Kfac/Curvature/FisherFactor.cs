using System.Numerics.Tensors;
using Kfac.Parallel;

namespace Kfac.Curvature;

/// <summary>
/// An exponential moving average of a curvature statistic (tf.contrib.kfac.fisher_factors.FisherFactor): the part of a
/// block that remembers.
/// </summary>
public sealed unsafe class FisherFactor
{
    private readonly AlignedBuffer _sum;
    private readonly Chunks _chunks;
    private readonly ChunkAction _averageChunk;
    private readonly float _decay;
    private readonly AveragingConvention _form;
    private double _weight;
    private bool _isProvisional;
    private int _updates;
    private int _refused;
    private float _keep;
    private float* _statistic;
    private float* _destination;

    internal FisherFactor(int length, LayerCollection layers)
    {
        _sum = new AlignedBuffer(length);
        _chunks = new Chunks(layers.Workers, length);
        _averageChunk = AverageChunk;
        _decay = layers.EmaDecay;
        _form = layers.Averaging;
        layers.Add(this);
        if (_form == AveragingConvention.TensorFlowR16)
        {
            _sum.Span.Fill(1f);
            _weight = 1;
        }
    }

    /// <summary>A factor that holds a matrix of <paramref name="size"/> rows; in the r1.6 form its average starts at the identity.</summary>
    internal static FisherFactor Matrix(int size, LayerCollection layers)
    {
        var factor = new FisherFactor(checked(size * size), layers);
        for (int i = 0; layers.Averaging == AveragingConvention.TensorFlowR16 && i < factor.Length; i++)
        {
            factor._sum.Span[i] = i % (size + 1) == 0 ? 1 : 0;
        }

        return factor;
    }

    /// <summary>Copies the average out to <paramref name="state"/>, or back from it.</summary>
    internal void CaptureOrRestore(StateDictionary state, string name)
    {
        state.CaptureOrRestore(name, _sum.Span);
        state.CaptureOrRestore($"{name}.weight", ref _weight);
        state.CaptureOrRestore($"{name}.isProvisional", ref _isProvisional);
        state.CaptureOrRestore($"{name}.updates", ref _updates);
        state.CaptureOrRestore($"{name}.refused", ref _refused);
        state.RequirePossible(_updates >= 0 && _refused >= 0 && (_weight == 0 ? _updates == 0 && !_isProvisional : _weight >= 1 && _weight <= _updates + 1));
    }

    /// <summary>Number of values.</summary>
    public int Length => _sum.Length;

    /// <summary>How many statistics have entered the average.</summary>
    public int Updates => _updates;

    /// <summary>How many statistics were refused because they held a NaN or an infinity.</summary>
    public int Refused => _refused;

    /// <summary>Whether <see cref="GetCovariance"/> has anything to tell.</summary>
    public bool HasValue => _weight > 0;

    /// <summary>The values are <see cref="Sum"/> / <see cref="Weight"/>.</summary>
    internal ReadOnlySpan<float> Sum => _sum.Span;

    internal float Weight => (float)_weight;

    /// <summary>Mean of the values.</summary>
    internal double Mean => _chunks.Sum(_sum.Span) / Length / _weight;

    /// <summary>For whoever goes through the values.</summary>
    internal Chunks Chunks => _chunks;

    /// <summary>Copies the current average to <paramref name="destination"/>, which has <see cref="Length"/> values.</summary>
    /// <exception cref="InvalidOperationException">No statistic has come in yet.</exception>
    public void GetCovariance(Span<float> destination)
    {
        RequireValue();
        TensorPrimitives.Divide(_sum.Span, Weight, destination[..Length]);
    }

    /// <summary>
    /// Takes in one statistic of <see cref="Length"/> values, given in two parts. One that is not finite never enters the average.
    /// </summary>
    /// <param name="first">The statistic's first values.</param>
    /// <param name="second">The others.</param>
    /// <param name="continues">Whether this is a further part of the statistic that came last, and to be added to it.</param>
    /// <returns>Whether it entered.</returns>
    internal bool Update(ReadOnlySpan<float> first, ReadOnlySpan<float> second, bool continues = false)
    {
        if (!_chunks.IsFinite(first) || !_chunks.IsFinite(second))
        {
            _refused++;
            return false;
        }

        _keep = continues ? 1 : _isProvisional ? 0 : _decay;
        Average(first, offset: 0);
        Average(second, offset: first.Length);
        if (!continues)
        {
            _weight = _form == AveragingConvention.TensorFlowR16 || _isProvisional ? 1 : _decay * _weight + 1;
            _isProvisional = false;
            _updates++;
        }

        return true;
    }

    /// <summary>
    /// Puts other values in place of the average, which keeps its weight. Before the first statistic they are what there is,
    /// and go when it comes.
    /// </summary>
    internal void Replace(ReadOnlySpan<float> values)
    {
        if (!HasValue)
        {
            _weight = 1;
            _isProvisional = true;
        }

        TensorPrimitives.Multiply(values, Weight, _sum.Span);
    }

    private void Average(ReadOnlySpan<float> statistic, int offset)
    {
        fixed (float* values = statistic)
        {
            _statistic = values;
            _destination = _sum.Pointer + offset;
            _chunks.Run(statistic.Length, _averageChunk);
        }
    }

    /// <summary>sum = b·sum + new, or b·sum + (1-b)·new in the r1.6 form.</summary>
    private void AverageChunk(int start, int length)
    {
        float gain = _form == AveragingConvention.TensorFlowR16 ? 1 - _decay : 1;
        var sum = new Span<float>(_destination + start, length);
        TensorPrimitives.Multiply(sum, _keep, sum);
        TensorPrimitives.MultiplyAdd(new ReadOnlySpan<float>(_statistic + start, length), gain, sum, sum);
    }

    internal void RequireValue()
    {
        if (!HasValue)
        {
            throw new InvalidOperationException("the curvature has no value yet: register a minibatch and call InstantiateFactors first");
        }
    }
}
