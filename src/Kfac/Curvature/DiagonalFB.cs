using System.Numerics;
using System.Numerics.Tensors;
using Kfac.Parallel;

namespace Kfac.Curvature;

/// <summary>
/// A diagonal approximation D of the Fisher: one positive number for each parameter, so that multiplying and its inverse
/// are element by element, (D + λ) v and v / (D + λ).
/// </summary>
/// <remarks>Flat order of D: the weights row-major, then the bias as the last row.</remarks>
public abstract unsafe class DiagonalFB : FisherBlock
{
    private readonly FisherFactor _factor;
    private readonly ChunkAction _divideChunk;
    private readonly ChunkAction _multiplyChunk;
    private float* _vector;
    private float* _result;
    private int _offset;
    private float _damping;

    private protected DiagonalFB(LayerCollection layerCollection, ReadOnlySpan<int> weightsShape, bool hasBias)
        : base(layerCollection, weightsShape, hasBias)
    {
        _factor = new FisherFactor(WeightsLength + BiasLength, layerCollection);
        _divideChunk = DivideChunk;
        _multiplyChunk = MultiplyChunk;
    }

    /// <summary>The running average of D, [weights row-major | bias].</summary>
    public FisherFactor Factor => _factor;

    internal override bool HasCurvature => _factor.HasValue;

    internal override double MeanEigenvalue => _factor.Mean;

    /// <summary>What else divides λ before it is added to D: in the r1.6 form, a convolution's locations.</summary>
    private protected virtual int DampingDivisor => 1;

    internal sealed override void Multiply(ParameterSpans vector, ParameterSpans result)
    {
        Apply(vector.Weights, result.Weights, offset: 0, _multiplyChunk);
        Apply(vector.Bias, result.Bias, offset: WeightsLength, _multiplyChunk);
    }

    internal sealed override void MultiplyInverse(ParameterSpans vector, ParameterSpans result)
    {
        Apply(vector.Weights, result.Weights, offset: 0, _divideChunk);
        Apply(vector.Bias, result.Bias, offset: WeightsLength, _divideChunk);
    }

    /// <summary>Takes in D = <paramref name="sums"/> / <paramref name="examples"/>, [weights row-major | bias].</summary>
    private protected void UpdateFromSums(float[] sums, int examples)
    {
        TensorPrimitives.Divide(sums, (float)examples, sums);
        if (!_factor.Update(sums.AsSpan(0, WeightsLength), sums.AsSpan(WeightsLength)))
        {
            throw NotFinite();
        }
    }

    private void Apply(ReadOnlySpan<float> vector, Span<float> result, int offset, ChunkAction chunk)
    {
        _factor.RequireValue();
        _damping = (float)EffectiveDamping / DampingDivisor;
        fixed (float* from = vector, to = result)
        {
            _vector = from;
            _result = to;
            _offset = offset;
            _factor.Chunks.Run(vector.Length, chunk);
        }
    }

    /// <summary>result = v · weight / (sum + λ·weight), which is v / (D + λ).</summary>
    private void DivideChunk(int start, int length)
    {
        var vector = new ReadOnlySpan<float>(_vector + start, length);
        var result = new Span<float>(_result + start, length);
        ReadOnlySpan<float> sum = _factor.Sum.Slice(_offset + start, length);
        float weight = _factor.Weight, damping = _damping * weight;
        int i = 0;
        for (; i <= length - Vector<float>.Count; i += Vector<float>.Count)
        {
            Vector<float> quotient = new Vector<float>(vector[i..]) * weight / (new Vector<float>(sum[i..]) + new Vector<float>(damping));
            quotient.CopyTo(result[i..]);
        }

        for (; i < length; i++)
        {
            result[i] = vector[i] * weight / (sum[i] + damping);
        }
    }

    /// <summary>result = v (sum + λ·weight) / weight, which is (D + λ) v.</summary>
    private void MultiplyChunk(int start, int length)
    {
        float weight = _factor.Weight, damping = _damping * weight;
        for (int i = start; i < start + length; i++)
        {
            _result[i] = _vector[i] * (_factor.Sum[_offset + i] + damping) / weight;
        }
    }
}
