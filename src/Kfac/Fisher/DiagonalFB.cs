using System.Numerics;
using System.Numerics.Tensors;

namespace Kfac.Fisher;

/// <summary>
/// A diagonal approximation D of the Fisher: one positive number for each parameter, so that multiplying and its inverse
/// are element by element, (D + λ) v and v / (D + λ).
/// </summary>
/// <remarks>Flat order of D: the weights row-major, then the bias as the last row.</remarks>
public abstract class DiagonalFB : FisherBlock
{
    private readonly FisherFactor _factor;

    private protected DiagonalFB(LayerCollection layerCollection, ReadOnlySpan<int> weightsShape, bool hasBias)
        : base(layerCollection, weightsShape, hasBias)
    {
        _factor = new FisherFactor(WeightsLength + BiasLength, layerCollection);
    }

    /// <summary>The running average of D, [weights row-major | bias].</summary>
    public FisherFactor Factor => _factor;

    /// <summary>λ as it is added to D: the block's damping, unless an older form asks for another scale.</summary>
    private protected virtual float EffectiveDamping => Damping;

    internal sealed override void Multiply(ParameterSpans vector, ParameterSpans result)
    {
        Apply(vector.Weights, result.Weights, 0, inverse: false);
        Apply(vector.Bias, result.Bias, WeightsLength, inverse: false);
    }

    internal sealed override void MultiplyInverse(ParameterSpans vector, ParameterSpans result)
    {
        Apply(vector.Weights, result.Weights, 0, inverse: true);
        Apply(vector.Bias, result.Bias, WeightsLength, inverse: true);
    }

    /// <summary>Takes in D = <paramref name="sums"/> / <paramref name="examples"/>, [weights row-major | bias].</summary>
    private protected void UpdateFromSums(float[] sums, int examples)
    {
        TensorPrimitives.Divide(sums, (float)examples, sums);
        if (!_factor.Update(sums.AsSpan(0, WeightsLength), sums.AsSpan(WeightsLength)))
        {
            throw new ArgumentException("the inputs or loss gradients hold a NaN or an infinity");
        }
    }

    private void Apply(ReadOnlySpan<float> vector, Span<float> result, int offset, bool inverse)
    {
        _factor.RequireValue();
        ReadOnlySpan<float> sum = _factor.Sum.Slice(offset, vector.Length);
        float weight = _factor.Weight, damping = EffectiveDamping * weight;
        if (inverse)
        {
            Divide(vector, sum, damping, weight, result);
        }
        else
        {
            Multiply(vector, sum, damping, weight, result);
        }
    }

    /// <summary>result = v · weight / (sum + damping), which is v / (D + λ).</summary>
    private static void Divide(ReadOnlySpan<float> vector, ReadOnlySpan<float> sum, float damping, float weight, Span<float> result)
    {
        int i = 0;
        for (; i <= vector.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            Vector<float> quotient = new Vector<float>(vector[i..]) * weight / (new Vector<float>(sum[i..]) + new Vector<float>(damping));
            quotient.CopyTo(result[i..]);
        }

        for (; i < vector.Length; i++)
        {
            result[i] = vector[i] * weight / (sum[i] + damping);
        }
    }

    /// <summary>result = v (sum + damping) / weight, which is (D + λ) v.</summary>
    private static void Multiply(ReadOnlySpan<float> vector, ReadOnlySpan<float> sum, float damping, float weight, Span<float> result)
    {
        for (int i = 0; i < vector.Length; i++)
        {
            result[i] = vector[i] * (sum[i] + damping) / weight;
        }
    }
}
