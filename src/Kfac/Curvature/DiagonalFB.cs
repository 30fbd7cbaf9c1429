using System.Numerics;
using System.Numerics.Tensors;
using Kfac.Parallel;

namespace Kfac.Curvature;

/// <summary>
/// A diagonal approximation D of the Fisher: one positive number for each parameter, so that every power is taken element by
/// element, (D + λ)^p v.
/// </summary>
/// <remarks>Flat order of D: the weights row-major, then the bias as the last row.</remarks>
public abstract unsafe class DiagonalFB : FisherBlock
{
    private readonly FisherFactor _factor;
    private readonly ChunkAction _divideChunk, _divideByRootChunk, _powerChunk;
    private float* _vector;
    private float* _result;
    private int _offset;
    private float _damping, _exponent;

    private protected DiagonalFB(LayerCollection layerCollection, ReadOnlySpan<int> weightsShape, bool hasBias)
        : base(layerCollection, weightsShape, hasBias)
    {
        _factor = new FisherFactor(WeightsLength + BiasLength, layerCollection);
        (_divideChunk, _divideByRootChunk, _powerChunk) = (DivideChunk, DivideByRootChunk, PowerChunk);
    }

    /// <summary>The running average of D, [weights row-major | bias].</summary>
    public FisherFactor Factor => _factor;

    internal override bool HasCurvature => _factor.HasValue;

    internal override double MeanEigenvalue => _factor.Mean;

    /// <summary>What else divides λ before it is added to D: in the r1.6 form, a convolution's locations.</summary>
    private protected virtual int DampingDivisor => 1;

    internal sealed override void MultiplyMatrixPower(ParameterSpans vector, ParameterSpans result, float exponent)
    {
        _factor.RequireValue();
        _damping = (float)EffectiveDamping / DampingDivisor;
        _exponent = exponent;
        Apply(vector.Weights, result.Weights, offset: 0);
        Apply(vector.Bias, result.Bias, offset: WeightsLength);
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

    private void Apply(ReadOnlySpan<float> vector, Span<float> result, int offset)
    {
        fixed (float* from = vector, to = result)
        {
            _vector = from;
            _result = to;
            _offset = offset;
            _factor.Chunks.Run(vector.Length, _exponent == -1 ? _divideChunk : _exponent == -0.5f ? _divideByRootChunk : _powerChunk);
        }
    }

    /// <summary>result = v · weight / (sum + λ·weight), which is v / (D + λ).</summary>
    private void DivideChunk(int start, int length)
    {
        ReadOnlySpan<float> sum = _factor.Sum.Slice(_offset + start, length);
        float weight = _factor.Weight, damping = _damping * weight;
        int i = 0;
        for (; i <= length - Vector<float>.Count; i += Vector<float>.Count)
        {
            (Vector.Load(_vector + start + i) * weight / (new Vector<float>(sum[i..]) + new Vector<float>(damping))).Store(_result + start + i);
        }

        for (; i < length; i++)
        {
            _result[start + i] = _vector[start + i] * weight / (sum[i] + damping);
        }
    }

    /// <summary>result = v √weight / √(sum + λ·weight), which is v / √(D + λ).</summary>
    private void DivideByRootChunk(int start, int length)
    {
        ReadOnlySpan<float> sum = _factor.Sum.Slice(_offset + start, length);
        float root = MathF.Sqrt(_factor.Weight), damping = _damping * _factor.Weight;
        int i = 0;
        for (; i <= length - Vector<float>.Count; i += Vector<float>.Count)
        {
            (Vector.Load(_vector + start + i) * root / Vector.SquareRoot(new Vector<float>(sum[i..]) + new Vector<float>(damping))).Store(_result + start + i);
        }

        for (; i < length; i++)
        {
            _result[start + i] = _vector[start + i] * root / MathF.Sqrt(sum[i] + damping);
        }
    }

    /// <summary>result = v (D + λ)^p.</summary>
    private void PowerChunk(int start, int length)
    {
        float weight = _factor.Weight;
        for (int i = start; i < start + length; i++)
        {
            float eigenvalue = _factor.Sum[_offset + i] / weight + _damping;
            _result[i] = _vector[i] * (_exponent == 1 ? eigenvalue : MathF.Pow(eigenvalue, _exponent));
        }
    }
}
